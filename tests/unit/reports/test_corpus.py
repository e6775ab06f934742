"""Reports of other systems: nothing of them is lost, and nothing but an `EmixError` is raised."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from emixcli.errors import EmixError
from emixcli.media.sniff import document_kind
from emixcli.reports import blocks, reading
from emixcli.reports.hl7 import read_messages
from emixcli.reports.inner import with_inner

KINDS = ("hl7v2", "cda", "ccr", "rtf", "text", "pdf", "dicom")
ENVELOPE = re.compile(r"[FB](?:HS|TS)[^\w\s][^\r\n]*")
LINKS = {"CCRDataObjectID", "ActorID", "ActorObjectID", "InternalCCRLink"}


@pytest.fixture
def reports(shared_corpora: Path) -> list[Path]:
    """All files of the corpus."""
    return [path for path in sorted((shared_corpora / "reports").rglob("*")) if path.is_file()]


def test_whatever_a_file_is_taken_for(reports: list[Path]) -> None:
    for path in reports:
        data = path.read_bytes()
        own = document_kind(data[:8192], path.name)
        for kind in KINDS if len(data) < 20_000 else filter(None, (own,)):
            with contextlib.suppress(EmixError):
                list(with_inner(reading.load(data, kind)))


def test_no_byte_of_an_hl7_file_is_lost(reports: list[Path]) -> None:
    """What is in no message is white space, frames, and headers and trailers of batches."""
    n_messages = 0
    for path in reports:
        data = path.read_bytes()
        try:
            messages = read_messages(data)
        except EmixError:
            continue
        if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"M\0S\0H" in data[:64]:
            continue  # read as UTF-8; the next test has its segments
        n_messages += len(messages)
        rest, at = [], 0
        for message in messages:
            start = data.index(message.raw, at)
            rest.append(data[at:start])
            at = start + len(message.raw)
        left = b"".join([*rest, data[at:]]).decode("latin-1")
        left = ENVELOPE.sub("", left.removeprefix("ï»¿"))
        assert not left.strip(" \t\r\n\x0b\x1c") or path.suffix != ".hl7", path.name
    assert n_messages > 300


def test_no_segment_of_an_hl7_message_is_lost(reports: list[Path]) -> None:
    """Counted by lines, without the tokeniser."""
    for path in reports:
        with contextlib.suppress(EmixError):
            for message in read_messages(path.read_bytes()):
                text = message.raw.decode(message.charset, "replace")
                separator = re.escape(text[3])
                found = re.findall(rf"(?:^|[\r\n])[ \t\x0b]*([A-Z][A-Z0-9]{{2}}){separator}", text)
                assert [segment.name for segment in message.segments] == found, path.name


def parsed(path: Path, kind: str) -> ElementTree.Element | None:
    data = path.read_bytes()
    if document_kind(data[:8192], path.name) != kind or b"<!DOCTYPE" in data:
        return None
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - files of the corpus, no DOCTYPE among them
    except ElementTree.ParseError:
        return None
    for element in root.iter():
        element.tag = str(element.tag).rpartition("}")[2]
    return root


def lacking(words: list[str], data: bytes, kind: str) -> Counter[str]:
    """Return the characters that the readable form has fewer of, and whole words not in it."""
    shown = reading.load(data, kind).blocks
    cells = [part for block in shown for part in (block.text, *(c for r in block.rows for c in r))]
    whole = " ".join(cells)
    wanted = [word for text in words for word in blocks.clean(text).split()]
    missing = Counter("".join(wanted)) - Counter("".join(whole.split()))
    return missing + Counter(word for word in wanted if word not in whole)


def narrative(root: ElementTree.Element) -> Iterator[str]:
    for section in root.iter("section"):
        for part in (*section.findall("title"), *section.findall("text")):
            yield from part.itertext()


def ccr_words(element: ElementTree.Element) -> Iterator[str]:
    if element.tag not in LINKS:
        yield element.text or ""
        for child in element:
            yield from ccr_words(child)
            yield child.tail or ""


@pytest.mark.parametrize(("kind", "at_least"), [("cda", 60), ("ccr", 2)])
def test_every_word_is_shown(reports: list[Path], kind: str, at_least: int) -> None:
    n_read = 0
    for path in reports:
        root = parsed(path, kind)
        if root is None:
            continue
        words = list(narrative(root) if kind == "cda" else ccr_words(root))
        try:
            missing = lacking(words, path.read_bytes(), kind)
        except EmixError:
            assert "attacks" in path.parts, path.name
            continue
        n_read += 1
        assert not missing, (path.name, missing.most_common(5))
    assert n_read >= at_least

"""The manifest as a reader takes it: every member checked, and against the ZIP directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emixcli.container.encoding import from_json
from emixcli.container.page import check_format
from emixcli.container.zipformat import STORED, ZipEntry
from emixcli.container.zipreader import damaged

_SHA256_LENGTH = 64


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """What the manifest says of one entry; `frames` are offset, length and SHA-256."""

    name: str
    offset: int
    data_offset: int
    data_length: int
    size: int
    sha256: str
    stored: bool
    frames: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True)
class Manifest:
    """A manifest whose entries are exactly those of the directory before it."""

    package_id: str
    index_sha256: str
    page_length: int
    page_sha256: str
    entries: dict[str, ManifestEntry]
    losses: list[dict[str, Any]]
    documents_lost: list[dict[str, Any]]
    counts: dict[str, int]


def load_manifest(content: bytes, directory: Sequence[ZipEntry]) -> Manifest:
    """Return the manifest.

    Raises
    ------
    PackageDamagedError
        Malformed, or the directory has other entries, another order or other sizes.
    PackageVersionError
        Made by a newer format version.
    """
    try:
        document = from_json(content)
    except ValueError as exc:
        raise damaged("the manifest is damaged") from exc
    if not isinstance(document, dict):
        raise damaged("the manifest is damaged")
    check_format(document.get("format"))
    try:
        manifest = _manifest(document)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise damaged("the manifest is damaged") from exc
    _compare(list(manifest.entries.values()), list(directory))
    return manifest


def _manifest(document: dict[str, Any]) -> Manifest:
    page = document["page"]
    entries = {record["name"]: _entry(record) for record in document["entries"]}
    if len(entries) != len(document["entries"]):
        raise ValueError("a name stands twice")
    return Manifest(
        package_id=_text(document["package_id"]),
        index_sha256=_sha256(document["index_sha256"]),
        page_length=_size(page["length"]),
        page_sha256=_sha256(page["sha256"]),
        entries=entries,
        losses=_losses(document["losses"]),
        documents_lost=[dict(loss) for loss in document.get("documents_lost", [])],
        counts={_text(name): _size(value) for name, value in document["counts"].items()},
    )


def _entry(record: dict[str, Any]) -> ManifestEntry:
    if record["method"] not in {"stored", "deflated"}:
        raise ValueError("unknown method")
    size = _size(record["size"])
    frames = []
    for offset, length, digest in record.get("frames", []):
        if _size(offset) + _size(length) > size:
            raise ValueError("a frame beyond the end")
        frames.append((offset, length, _sha256(digest)))
    return ManifestEntry(
        name=_text(record["name"]),
        offset=_size(record["offset"]),
        data_offset=_size(record["data_offset"]),
        data_length=_size(record["data_length"]),
        size=size,
        sha256=_sha256(record["sha256"]),
        stored=record["method"] == "stored",
        frames=tuple(frames),
    )


def _losses(losses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for series in losses:
        _text(series["series_uid"])
        for instance in series["instances"]:
            _text(instance["entry"])
            _size(instance["bytes_lost"])
    return losses


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _size(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError("not a size")
    return value


def _sha256(value: Any) -> str:
    if len(bytes.fromhex(_text(value))) * 2 != _SHA256_LENGTH:
        raise ValueError("not a digest")
    return str(value)


def _compare(records: list[ManifestEntry], directory: list[ZipEntry]) -> None:
    """Compare name, place, sizes and order with the directory, which nothing authenticates."""
    listed = directory[:-2]
    for record, entry in zip(records, listed, strict=False):
        if record.name != entry.name:
            raise damaged(
                f"entry {record.name} is missing, moved, or another one was put before it"
            )
        same = (
            record.offset == entry.offset
            and record.data_offset == entry.data_offset
            and record.data_length == entry.data_length
            and record.size == entry.size
            and record.stored == (entry.method == STORED)
        )
        if not same:
            raise damaged(f"entry {record.name} is not where or as long as the manifest says")
    if len(records) > len(listed):
        raise damaged(f"entry {records[len(listed)].name} is missing")
    if len(listed) > len(records):
        raise damaged(f"entry {listed[len(records)].name} is not in the manifest")

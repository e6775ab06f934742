"""RTF as text, by striprtf, with a look before at what that leaves out.

Hidden and deleted text would come out as current, pictures and objects not at all: so the reader is
told what is not shown. Page headers, which often name the patient, come out as text. Nothing
embedded is ever opened.
"""

from __future__ import annotations

import codecs
import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from emixcli.errors import ReportError
from emixcli.reports import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.reports.blocks import Block

_MAX_SIZE: Final = 4 * 2**20
_PARTS: Final = (
    ("pictures", re.compile(r"\\(?:pict|shppict)\b(?!\w)")),
    ("embedded objects", re.compile(r"\\object\b")),
    ("binary data", re.compile(r"\\bin\d")),
    ("footnotes and comments", re.compile(r"\\(?:footnote|annotation)\b")),
    ("fields that ask for other files", re.compile(r"\\fldinst\b|\\\*\\template\b", re.IGNORECASE)),
)
_MARGINS: Final = re.compile(r"\\(?:header|footer)[lrf]?(?![a-z])")
_BRACKETS: Final = re.compile(r"\\[\\{}]|[{}]")
_MAX_MARGINS: Final = 20
_MAX_MARGIN: Final = 50_000  # characters of one
_HIDDEN: Final = re.compile(r"\\(?:v|deleted)(?:1)?(?![\w-])")
_BINARY: Final = re.compile(r"\\bin(-?\d+) ?")
_LENGTH_DIGITS: Final = 12  # Python reads no numbers of thousands of digits
_BOX: Final = re.compile(r"(?:\\\*)?\\(?:shp|shpinst)(?![a-z])|\{\\s[nv] [^{}]*\}")
_BOX_TEXT: Final = re.compile(r"\\shptxt(?![a-z])")
_RAISED: Final = re.compile(
    r"\\(?:super1?|up[1-9]\d*)(?![a-z0-9-]) ?(?=(?:\\[a-z]+-?\d* ?){0,30}+[-+]?\d)"
)
_EIGHT_BIT: Final = re.compile("[\x80-\xff]+")
_BEYOND: Final = re.compile("[^\x00-\x7f]+")
_MAX_EIGHT_BIT: Final = 150_000
_CODE_PAGE: Final = re.compile(r"\\ansicpg(\d{1,5})(?!\d) ?")
#: Character sets that the head names without a number, or by one that Python has under a name.
_CHARSETS: Final = (
    ("\\ansicpg10000", "mac_roman"), ("\\ansicpg10001", "shift_jis"),
    ("\\ansicpg10006", "mac_greek"), ("\\ansicpg10007", "mac_cyrillic"),
    ("\\ansicpg10029", "mac_latin2"), ("\\ansicpg10081", "mac_turkish"),
    ("\\mac", "mac_roman"), ("\\pca", "cp850"), ("\\pc", "cp437"),
)  # fmt: skip
_CHARSET_HEAD: Final = 64
_NO_SKIP: Final = re.compile(r"\\uc(?![a-z\d-])")  # a number is missing
_BAD_UNICODE: Final = re.compile(r"\\u-?\d{6,}")


def render(data: bytes) -> Iterator[Block]:
    """Yield the text and what of the document is not shown.

    Raises
    ------
    ReportError
        Too large, or not to be read.
    """
    if len(data) > _MAX_SIZE:
        raise ReportError("an RTF report is too large", hint="at most 4 MB are shown")
    source = data.decode("latin-1")
    hidden = [name for name, pattern in _PARTS if pattern.search(source)]
    if hidden:
        yield blocks.note("Not shown: " + ", ".join(hidden) + ". Open the original to see them.")
    source = _without_binary(source)
    if _MARGINS.search(source):
        yield blocks.note("Page headers and footers are shown among the rest.")
    if _HIDDEN.search(source):
        yield blocks.note(
            "Text that the document hides or marks as deleted is shown among the rest.", strong=True
        )
    if _is_cut(source):
        yield blocks.note("The document has text behind its end, which is not shown.", strong=True)
    yield blocks.paragraph(_text(source))


def _text(source: str) -> str:
    from striprtf.striprtf import rtf_to_text

    encoding = _encoding(source[:_CHARSET_HEAD])
    source = _CODE_PAGE.sub(lambda found: found[0] if _is_known(found[1]) else "\\ansi ", source)
    source = _BAD_UNICODE.sub("?", _NO_SKIP.sub(r"\\uc1", _seven_bit(source)))
    source = _RAISED.sub(r"^", _BOX_TEXT.sub(r"\\par ", _BOX.sub("", source)))
    try:
        text: str = rtf_to_text(_open_margins(source), encoding=encoding, errors="replace")  # type: ignore[no-untyped-call]  # no types
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError):
        raise ReportError(
            "an RTF report cannot be read", hint="it can be sent, but not be shown"
        ) from None
    return text


def _encoding(head: str) -> str:
    """Return by what letters are read that no code page is given for."""
    return next((name for mark, name in _CHARSETS if mark in head), "cp1252")


def _is_known(code_page: str) -> bool:
    try:
        return bool(codecs.lookup(f"cp{code_page}"))
    except LookupError:
        return False


def _without_binary(source: str) -> str:
    """Leave out binary data, as long as it says to be; of one that is longer than all, nothing."""
    parts, start = [], 0
    for match in _BINARY.finditer(source):
        if match.start() >= start:
            parts.append(source[start : match.start()])
            end = match.end() + max(int(match[1][:_LENGTH_DIGITS]), 0)
            start = end if end <= len(source) else match.end()
    return "".join([*parts, source[start:]])


def _seven_bit(source: str) -> str:
    """Write letters beyond ASCII, which RTF does not have, as it would: UTF-8 or one byte each."""
    if not 0 < sum(map(len, _EIGHT_BIT.findall(source))) <= _MAX_EIGHT_BIT:
        return source
    try:
        letters, write = source.encode("latin-1").decode(), _unicode
    except UnicodeDecodeError:
        letters, write = source, _bytes
    return _BEYOND.sub(lambda run: write(run[0]), letters)


def _bytes(run: str) -> str:
    return "".join(f"\\'{ord(one):02x}" for one in run)


def _unicode(run: str) -> str:
    units = run.encode("utf-16-be")
    codes = (int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2))
    return "{\\uc0" + "".join(f"\\u{code} " for code in codes) + "}"


def _open_margins(source: str) -> str:
    """Make the text of page headers and footers stand among the rest, in lines of its own."""
    parts, start = [], 0
    for match in islice(_MARGINS.finditer(source), _MAX_MARGINS):
        end = _group_end(source, match.end())
        if match.start() >= start:
            parts += [source[start : match.start()], "\\par ", source[match.end() : end], "\\par "]
            start = end
    return "".join([*parts, source[start:]])


def _group_end(source: str, start: int) -> int:
    """Return where the group ends that is open at a place."""
    depth = 1
    for match in _BRACKETS.finditer(source, start, start + _MAX_MARGIN):
        if len(match[0]) == 1:
            depth += 1 if match[0] == "{" else -1
        if not depth:
            return match.start()
    return start


def _is_cut(source: str) -> bool:
    """Whether a bracket too many ends the document before its end."""
    depth = 0
    for match in _BRACKETS.finditer(source):
        mark = match[0]
        if len(mark) == 1:
            depth += 1 if mark == "{" else -1
            if depth == 0:
                return bool(source[match.end() :].strip(" \t\r\n\0"))
    return False

"""Standard output: the data that was asked for, and nothing else.

Nothing here goes through rich, which wraps at 80 columns in a pipe and eats `[brackets]`.
Received text is hostile: control characters would let a patient's name move the cursor.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_BATCH: Final = 1024
_INDENT: Final = 4
#: Text is not laid out in columns narrower than this.
_NARROWEST: Final = 20
_encode = json.JSONEncoder(ensure_ascii=False).encode


class StdoutClosedError(Exception):
    """The reader of standard output has gone (`emix list | head -1`)."""


def visible(text: str) -> str:
    r"""Return `text` with control and bidirectional override characters as `\x1b`, `\u202e`."""
    return _CONTROL.sub(
        lambda match: (
            match[0].encode("ascii", "backslashreplace").decode()
            if ord(match[0]) > 0xFF
            else f"\\x{ord(match[0]):02x}"
        ),
        text,
    )


def write_json(document: object) -> None:
    """Write one JSON document to standard output, as UTF-8 whatever the terminal's encoding.

    It is written while it is made: a document of 100,000 instances is never in memory.

    Parameters
    ----------
    document
        Anything that `json.dumps` takes, and iterators as arrays. Its top level is an object with a
        `schema`.
    """
    buffer = getattr(sys.stdout, "buffer", None)
    try:
        sys.stdout.flush()
        for text in _batches(_json(document, "\n")):
            if buffer is None:
                sys.stdout.write(text)
            else:
                # A lone surrogate (an undecodable file name) becomes \udcXX, which JSON allows.
                buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.flush()
    except BrokenPipeError as exc:
        raise StdoutClosedError from exc


def _json(value: object, line: str) -> Iterator[str]:
    """Yield the parts of a JSON text, indented by 2 as `json.dumps` does; `line` begins a line."""
    if isinstance(value, Mapping):
        items = ((f"{_encode(str(key))}: ", item) for key, item in value.items())
        yield from _json_items("{}", items, line)
    elif isinstance(value, str) or not isinstance(value, Iterable):
        yield _encode(value)
    else:
        yield from _json_items("[]", (("", item) for item in value), line)


def _json_items(marks: str, items: Iterator[tuple[str, object]], line: str) -> Iterator[str]:
    inner = line + "  "
    before = marks[0] + inner
    for key, item in items:
        if isinstance(item, str | int | None):
            yield f"{before}{key}{_encode(item)}"
        else:
            yield before + key
            yield from _json(item, inner)
        before = "," + inner
    yield line + marks[1] if before[0] == "," else marks


def _batches(parts: Iterator[str]) -> Iterator[str]:
    """Yield the same text in pieces of some length, and a line feed."""
    batch: list[str] = []
    for part in parts:
        batch.append(part)
        if len(batch) >= _BATCH:
            yield "".join(batch)
            batch.clear()
    yield "".join(batch) + "\n"


def write_line(text: str = "") -> None:
    """Write one line (or several, where `text` holds line feeds) to standard output."""
    try:
        sys.stdout.write(visible(text) + "\n")
    except BrokenPipeError as exc:
        raise StdoutClosedError from exc


def wrapped(text: str, room: int | None) -> str:
    """Return a text with lines cut at blanks that would end behind column `room`; words stay whole.

    What follows a cut stands further in than its line.
    """
    return "\n".join(_wrapped_line(line, room) for line in text.split("\n"))


def _wrapped_line(line: str, room: int | None) -> str:
    if room is None or len(line) <= room or room < _NARROWEST:
        return line
    import textwrap

    indent = " " * (len(line) - len(line.lstrip()) + _INDENT)
    cut = textwrap.fill(
        line, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return cut + line[len(line.rstrip()) :]  # the blank behind a question


def write_hanging(start: str, text: str) -> None:
    """Write a line that on a terminal goes on below `text` where it is too long, cut at blanks."""
    write_line(start + _hanging(text, len(start), _room()))


def write_table(rows: Iterable[Sequence[str]], *, head: Sequence[str] = ()) -> None:
    """Write columns of equal width, two blanks apart; never cut.

    In a pipe a row is a line. On a terminal that is narrower, the columns for which there is no
    room stand in a further line.

    Parameters
    ----------
    rows
        Cells as text. Read once, kept in memory.
    head
        Titles of the columns, shown in capitals; none if empty.
    """
    lines = [[visible(cell).replace("\n", " ") for cell in row] for row in rows]
    if head:
        lines.insert(0, [title.upper() for title in head])
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    room = _room()
    parts = _parts(widths, room)
    for line in lines:
        for columns in parts:
            indent = _INDENT if columns.start else 0
            before = [line[column].ljust(widths[column]) for column in columns[:-1]]
            start = " " * indent + "".join(f"{cell}  " for cell in before)
            text = (start + _hanging(line[columns[-1]], len(start), room)).rstrip()
            if text or not indent:
                write_line(text)


def _parts(widths: Sequence[int], room: int | None) -> list[range]:
    """Return which columns stand in the first line of a row, in the second, and so on."""
    parts, first, used = [], 0, 0
    for column, width in enumerate(widths):
        is_last = column == len(widths) - 1
        if room is not None and column > first:
            needed = min(width, room // 2) if is_last else width  # the last one may go on below
            if used + needed > room:
                parts.append(range(first, column))
                first, used = column, _INDENT
        used += width + 2
    return [*parts, range(first, len(widths))] if widths else []


def _hanging(text: str, start: int, room: int | None) -> str:
    """Return a text that begins in column `start`, in lines that end before column `room`."""
    if room is None or start + len(text) <= room or room - start < _NARROWEST:
        return text
    import textwrap

    lines = textwrap.wrap(text, room - start, break_long_words=False, break_on_hyphens=False)
    return ("\n" + " " * start).join(lines)


def _room() -> int | None:
    """Return the width of the terminal; None where standard output is none."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns

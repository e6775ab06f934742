"""Standard output: the data that was asked for, and nothing else.

Nothing here goes through rich, which wraps at 80 columns in a pipe and eats `[brackets]`.
Received text is hostile: control characters would let a patient's name move the cursor.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


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

    Parameters
    ----------
    document
        Anything that `json.dumps` takes. Its top level is an object with a `schema`.
    """
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    try:
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is None:
            sys.stdout.write(text)
        else:
            sys.stdout.flush()
            # A lone surrogate (an undecodable file name) becomes \udcXX, which JSON allows.
            buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.flush()
    except BrokenPipeError as exc:
        raise StdoutClosedError from exc


def write_line(text: str = "") -> None:
    """Write one line (or several, where `text` holds line feeds) to standard output."""
    try:
        sys.stdout.write(visible(text) + "\n")
    except BrokenPipeError as exc:
        raise StdoutClosedError from exc


def write_table(rows: Iterable[Sequence[str]], *, head: Sequence[str] = ()) -> None:
    """Write columns of equal width, two blanks apart; never wrapped, never cut.

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
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        write_line("  ".join(padded).rstrip())

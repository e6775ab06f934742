"""The HTML between two entries, and what makes an entry fit to stand in a script element.

A browser that parses the package as a page sees each entry as the text of a `<script type=x>`.
Its parser folds CR and CRLF to LF and NUL to U+FFFD (HTML, 13.2.3.5 and 13.2.5.4); the glue after
the entry tells the viewer what each LF was. Nothing in the glue runs.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from emixcli.container.encoding import to_base64url

OPEN = b"<script type=x>"
CLOSE = b"</script>"
_GLUE = '</script><i hidden data-o="{}" data-l="{}" data-f="{}"></i>'
_FORBIDDEN = re.compile(rb"<(?:!--|/?[sS][cC][rR][iI][pP][tT])")
_LONGEST = len(b"</script")
_LF, _CR = 10, 13
_LESS, _BANG, _SLASH, _S = b"<!/s"
_Bytes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]
#: Longest content of one script element that is made fit for parsing.
PARSE_LIMIT = 128 * 1024 * 1024
_COMMENT_LIMIT = 65_000
_DIRECTORY_LIMIT = 16 * 1024 * 1024


def find_fixups(content: bytes | bytearray | memoryview) -> bytes | None:
    """Return the fixups of the text of a script element, None where it is unfit.

    One pass: what `is_fit` and `fixups` tell.
    """
    data = np.frombuffer(content, dtype=np.uint8)
    special = data == _LF
    special |= data == _CR
    special |= data == _LESS
    at = np.flatnonzero(special)
    found = data[at]
    is_end = found != _LESS
    if not _is_fit(content, data, at[~is_end]):
        return None
    return _pack(_codes(at[is_end], found[is_end]))


def is_fit(content: bytes | bytearray | memoryview) -> bool:
    """Tell whether an HTML parser takes `content` as the text of one script element."""
    data = np.frombuffer(content, dtype=np.uint8)
    return _is_fit(content, data, np.flatnonzero(data == _LESS))


def _is_fit(content: bytes | bytearray | memoryview, data: _Bytes, less: _Places) -> bool:
    """Tell whether none of the places of "<" begins what must not be."""
    if len(data) < _LONGEST:
        return _FORBIDDEN.search(content) is None
    # numpy finds the candidates without holding the interpreter's lock, unlike a search
    less = less[less < len(data) - 1]
    following = data[less + 1]
    likely = (following == _BANG) | (following == _SLASH) | (following | 32 == _S)
    return all(
        _FORBIDDEN.match(content, int(start), int(start) + _LONGEST) is None
        for start in less[likely]
    )


def fixups(content: bytes | bytearray | memoryview) -> bytes:
    """Return one 2-bit code per LF that a parser sees: 0 LF, 1 CR, 2 CRLF; low bits first."""
    return _pack(_codes_of(np.frombuffer(content, dtype=np.uint8)))


def _codes_of(data: _Bytes) -> _Bytes:
    ends = np.flatnonzero((data == _LF) | (data == _CR))
    return _codes(ends, data[ends])


def _codes(ends: _Places, found: _Bytes) -> _Bytes:
    """Return the code of each LF that a parser sees; `found` are the bytes at `ends`."""
    is_cr = found == _CR
    # a CR directly followed by an LF: the pair is one LF for the parser
    pair = np.zeros(len(ends), dtype=bool)
    pair[:-1] = is_cr[:-1] & ~is_cr[1:] & (ends[1:] - ends[:-1] == 1)
    keep = np.ones(len(ends), dtype=bool)
    keep[1:] = ~pair[:-1]
    codes: _Bytes = is_cr.astype(np.uint8) + pair.astype(np.uint8)
    return codes[keep]


def _pack(codes: _Bytes) -> bytes:
    padded = np.zeros(-(-len(codes) // 4) * 4, dtype=np.uint8)
    padded[: len(codes)] = codes
    quads = padded.reshape(-1, 4)
    return bytes(quads[:, 0] | quads[:, 1] << 2 | quads[:, 2] << 4 | quads[:, 3] << 6)


class FixupStream:
    """Checks and tabulates a script's content that arrives in pieces.

    Pieces of any length; the result equals `is_fit` and `fixups` over the whole.
    """

    def __init__(self) -> None:
        self.fit = True
        self._codes: list[_Bytes] = []
        self._tail = b""
        self._held_cr = False

    def add(self, piece: bytes | bytearray | memoryview) -> None:
        """Count one piece."""
        seam = self._tail + bytes(piece[: _LONGEST - 1])
        self.fit = self.fit and is_fit(seam) and is_fit(piece)
        self._tail = (self._tail + bytes(piece[-(_LONGEST - 1) :]))[-(_LONGEST - 1) :]
        whole = b"\r" + bytes(piece) if self._held_cr else piece
        self._held_cr = len(whole) > 0 and whole[-1] == _CR
        end = len(whole) - 1 if self._held_cr else len(whole)
        self._codes.append(_codes_of(np.frombuffer(whole[:end], dtype=np.uint8)))

    def finish(self) -> bytes:
        """Return the fixups of all pieces."""
        if self._held_cr:
            self._codes.append(np.ones(1, dtype=np.uint8))
        return _pack(np.concatenate(self._codes)) if self._codes else b""


def fixups_bound(length: int) -> int:
    """Return the most bytes of fixups that a writer accepts for a content of `length` bytes.

    Random bytes hold one line end in 128, so their table takes a 512th of them; an entry that
    needs more than a 256th and 64 bytes is encrypted again.
    """
    return length // 256 + 64


def make_glue(offset: int, length: int, table: bytes) -> bytes:
    """Return the glue after the script content at `offset` without the opening of the next."""
    return _GLUE.format(offset, length, to_base64url(table)).encode("ascii")


def glue_bound(length: int) -> int:
    """Return the most bytes of glue, with the opening of the next script, after `length` bytes."""
    table = -(-fixups_bound(length) * 4 // 3) + 3
    return len(_GLUE) + 2 * 20 + table + len(OPEN)


def make_comment(offset: int, directory: bytes | bytearray) -> bytes:
    """Return the archive comment: the glue after the last script.

    Parameters
    ----------
    offset
        File offset of the content of the last script: where the central directory starts.
    directory
        Central directory and end records but their last two bytes, the length of this comment.

    Notes
    -----
    Blanks at the end keep CR and LF out of the comment length, which is itself in the script.
    Where the comment would not fit, or the directory has more than 16 MiB, it only closes the
    element: such a file is far too big to be parsed.
    """
    length = len(directory) + 2
    comment = CLOSE
    if length <= _DIRECTORY_LIMIT:
        glue = make_glue(offset, length, fixups(directory))
        comment = glue if len(glue) <= _COMMENT_LIMIT else CLOSE
    while {_LF, _CR} & set(len(comment).to_bytes(2, "little")):
        comment += b" "
    return comment

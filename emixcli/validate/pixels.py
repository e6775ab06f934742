"""Whether the pixel data of an instance is as long as its header says."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final, Protocol

from emixcli.media import elements as el
from emixcli.media.window import EndlessError, Inflated
from emixcli.model import KEYWORDS
from emixcli.syntaxes import (
    DEFLATED_UID,
    EXPLICIT_BIG_UID,
    IMPLICIT_LITTLE_UID,
    UNCOMPRESSED,
    is_encapsulated,
    is_video,
)  # fmt: skip

if TYPE_CHECKING:
    from emixcli.media.window import ReadAt
    from emixcli.model import Instance, Value
    from emixcli.packed import SharedValues

ENCAPSULATED: Final = 0xFFFFFFFF
_PIXEL_GROUP: Final = 0x7FE0
_MAX_FRAGMENTS: Final = 200_000
_MAX_ELEMENTS: Final = 1000
_MAX_PADDING: Final = 64 * 1024
_FIRST: Final = KEYWORDS.index("SamplesPerPixel")
_LAST: Final = KEYWORDS.index("BitsAllocated") + 1
_DECIDING: Final = frozenset({0, *range(_FIRST, _LAST)})
_NATIVE: Final = UNCOMPRESSED | {DEFLATED_UID}
#: What `_length` says of pixel data that has to be in fragments.
_IN_FRAGMENTS: Final = -1


def native_length(instance: Instance) -> int | None:
    """Return the bytes that uncompressed pixel data must have, None where the header is silent.

    PS3.5 section 8.1.1 and PS3.3 section C.7.6.3; frames of 1 bit are packed without gaps.
    """
    return _native_length(tuple(instance.value(slot) for slot in range(_FIRST, _LAST)))


@lru_cache(maxsize=1024)
def _native_length(values: tuple[Value, ...]) -> int | None:
    """As `native_length`, from the attributes of `model.KEYWORDS` that decide, in their order."""
    some = dict(zip(KEYWORDS[_FIRST:_LAST], values, strict=True))

    def integer(keyword: str, default: int) -> int:
        try:
            return int(str(some[keyword]).partition("\\")[0])
        except ValueError:
            return default

    n_values = integer("Rows", 0) * integer("Columns", 0) * integer("SamplesPerPixel", 1)
    n_values *= max(1, integer("NumberOfFrames", 1))
    bits = integer("BitsAllocated", 0)
    if n_values <= 0 or bits <= 0:
        return None
    if some["PhotometricInterpretation"] == "YBR_FULL_422":  # two samples a pixel on average
        n_values = n_values * 2 // 3
    return (n_values * bits + 7) // 8


class Content(Protocol):
    """A file."""

    @property
    def is_random(self) -> bool:
        """Whether bytes far into the content cost no more than the first ones."""

    def read_at(self, offset: int, length: int, /) -> bytes:
        """Return `length` bytes, fewer only at the end."""


class Structure(Protocol):
    """How a header was read, as `media.header.Header` says it."""

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of findings on the structure."""

    @property
    def dataset_offset(self) -> int:
        """Where the data set begins."""

    @property
    def end(self) -> int:
        """Where reading stopped."""


class PixelCheck:
    """Compares the length of pixel data with what the header says."""

    def __init__(self) -> None:
        self._expected: dict[SharedValues, int | None] = {}

    def codes(self, instance: Instance, content: Content, header: Structure) -> tuple[str, ...]:
        """Return the codes of what is wrong with the length, none where it is right.

        Parameters
        ----------
        instance
            With `pixel_offset` and `pixel_length` of its file.
        content
            The file, for walking the fragments of compressed pixel data.
        header
            The header that was read of it.

        Raises
        ------
        OSError
            If the medium cannot be read.
        """
        offset, length = instance.pixels
        if offset < 0:
            return deflated_codes(instance, content, header, header.end)
        if length == ENCAPSULATED:
            # Without meta group, the transfer syntax was told from the data set.
            if "F06" not in header.codes and str(instance.value(0) or "") in _NATIVE:
                return ("F07",)
            return walk_fragments(instance, content) if content.is_random else ()
        expected = self._length(instance)
        if expected == _IN_FRAGMENTS:
            return ("F07",)
        end = offset + length
        if length == expected and end == instance.size:
            return ()
        codes = []
        if expected is None:
            codes.append("S14")
        elif length < expected:
            codes.append("S05")
        elif length > expected + expected % 2:
            codes.append("S17")
        if end < instance.size and content.is_random:
            codes += tail_codes(instance, content, end)
        codes += deflated_codes(instance, content, header, end)
        return tuple(codes)

    def _length(self, instance: Instance) -> int | None:
        shared = instance.shared
        try:
            return self._expected[shared]
        except KeyError:
            syntax = str(instance.value(0) or "")
            expected = _IN_FRAGMENTS if is_encapsulated(syntax) else native_length(instance)
            if not _DECIDING.intersection(shared.slots):
                self._expected[shared] = expected
            return expected


def tail_codes(instance: Instance, content: Content, end: int) -> tuple[str, ...]:
    """Return the codes of what is behind the pixel data: elements may stand there (PS3.6).

    Zeros are taken as empty elements, as readers do.
    """
    size, syntax = instance.size, instance.value(0)
    if end >= size or syntax == DEFLATED_UID:  # offsets are those of the inflated bytes
        return ()
    dialect = el.dialect(explicit=syntax != IMPLICIT_LITTLE_UID, little=syntax != EXPLICIT_BIG_UID)
    return _tail_codes(dialect, content.read_at, end, size)


def deflated_codes(
    instance: Instance, content: Content, header: Structure, end: int
) -> tuple[str, ...]:
    """Return the codes of what a deflated data set lacks at its end, or has behind `end`.

    A reader wants the end of the compressed stream (RFC 1951), whatever was inflated before.
    """
    if instance.value(0) != DEFLATED_UID or "F07" in header.codes or not content.is_random:
        return ()
    start = header.dataset_offset
    inflated = Inflated(bytes(start), start, instance.size, content.read_at)
    try:
        rest = inflated.read_at(end, _MAX_PADDING)
    except EndlessError:  # so much is not looked at
        return ()
    if len(rest) == _MAX_PADDING:
        return ()
    if inflated.end < end or not inflated.is_whole:
        return ("S04",)
    return _tail_codes(el.EXPLICIT_LITTLE, inflated.read_at, end, inflated.end) if rest else ()


def _tail_codes(dialect: el.Dialect, read_at: ReadAt, end: int, size: int) -> tuple[str, ...]:
    """Return as `tail_codes`, of bytes in one encoding."""
    rest = read_at(end, min(size - end, _MAX_PADDING))
    if rest.count(0) == size - end:
        return ("S11", "S15") if len(rest) % 8 else ("S11",)
    at, is_padding = end, False
    for _ in range(_MAX_ELEMENTS):
        data = read_at(at, 12)
        if at + 8 > size or len(data) < 8:
            return ("S11", "S15")
        tag, vr, value, length = el.element(dialect, data.ljust(12, b"\0"), 0)
        is_known = not dialect.explicit or vr in dialect.short_vrs or vr in dialect.long_vrs
        if dialect.swap(tag) >> 16 < _PIXEL_GROUP:
            is_padding = True
        at += value + length
        is_stray = dialect.wanted.get(tag) == el.MARK
        if length == el.UNDEFINED:
            begin = read_at(at - length, 4)
            is_stray |= len(begin) < 4 or dialect.wanted.get(_tag(dialect, begin)) != el.MARK
        if is_stray or (not is_known and tag):
            return ("S11", "S15")
        if length == el.UNDEFINED or at == size:
            return ("S11",) if is_padding else ()
    return ("S11",)


def _tag(dialect: el.Dialect, raw: bytes) -> int:
    return int.from_bytes(raw, "little" if dialect.little else "big")


def walk_fragments(instance: Instance, content: Content) -> tuple[str, ...]:
    """Step over the items of encapsulated pixel data (PS3.5 section A.4).

    Returns the codes of what is wrong with them.
    """
    big = instance.value(0) == EXPLICIT_BIG_UID
    item = Struct(">II" if big else "<II")
    item_tag, end_tag = (0xFFFEE000, 0xFFFEE0DD) if big else (0xE000FFFE, 0xE0DDFFFE)
    size, read_at = instance.size, content.read_at
    offset = instance.pixels[0]
    if read_at(offset - 8, 2) == b"UN":  # taken for a sequence of elements (PS3.5 section 6.2.2)
        return ("S09",)
    n_frames = max(1, instance.integer("NumberOfFrames", 1))
    starts: list[int] = []  # of all items; the first one is the offset table
    for _ in range(_MAX_FRAGMENTS):
        head = read_at(offset, 8) if offset + 8 <= size else b""
        if len(head) < 8:
            return ("S04",) if offset > size else ("S06", "S15")
        tag, length = item.unpack(head)
        if tag == end_tag:
            codes = _wrong_frames(instance, content, starts, n_frames)
            return (*codes, *tail_codes(instance, content, offset + 8))
        if tag != item_tag:
            return ("S06", "S15")
        starts.append(offset)
        offset += 8 + length
    return ()


def _wrong_frames(
    instance: Instance, content: Content, starts: list[int], n_frames: int
) -> tuple[str, ...]:
    """Compare fragments and Basic Offset Table with the number of frames (PS3.5 section A.4)."""
    syntax = str(instance.value(0) or "")
    if is_video(syntax):  # all frames are one stream
        return ()
    fragments = starts[1:]
    if len(fragments) < n_frames:
        return ("S18",)
    if n_frames == 1:
        return ()
    table = content.read_at(starts[0] + 8, min(fragments[0] - starts[0] - 8, 4 * _MAX_FRAGMENTS))
    order = ">" if syntax == EXPLICIT_BIG_UID else "<"
    n_offsets = len(table) // 4
    offsets = Struct(f"{order}{n_offsets}I").unpack_from(table)
    known = {start - fragments[0] for start in fragments}
    if offsets and (n_offsets != n_frames or not known.issuperset(offsets)):
        return ("S19",)
    return ()

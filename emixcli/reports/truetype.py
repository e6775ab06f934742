"""TrueType fonts: which letters they have, how wide these are, and the part that a PDF embeds.

Fonts are those of the machine. One that is not as expected is passed over.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_SFNT: Final = (b"\0\1\0\0", b"true")
_TABLES: Final = (b"cvt ", b"fpgm", b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp", b"prep")
_NO_EMBEDDING: Final = 2  # fsType: restricted license embedding
_MORE_COMPONENTS: Final = 0x20
_MAX_GLYPHS: Final = 0xFFFF


class FontError(Exception):
    """A font that cannot be used."""


@dataclass(frozen=True)
class Font:
    """A font.

    Parameters
    ----------
    data
        The whole file.
    start
        Where the tables of this font are listed: not 0 in a collection.
    """

    data: bytes
    start: int

    @cached_property
    def tables(self) -> dict[bytes, bytes]:
        """The tables by name."""
        (count,) = struct.unpack_from(">H", self.data, self.start + 4)
        found = {}
        for number in range(count):
            at = self.start + 12 + 16 * number
            name, _, offset, length = struct.unpack_from(">4sIII", self.data, at)
            found[name] = self.data[offset : offset + length]
        return found

    @cached_property
    def units(self) -> int:
        """Units of an em."""
        (units,) = struct.unpack_from(">H", self.tables[b"head"], 18)
        return int(units)

    @cached_property
    def box(self) -> tuple[int, ...]:
        """Left, bottom, right and top of all glyphs, in units."""
        return struct.unpack_from(">4h", self.tables[b"head"], 36)

    @cached_property
    def heights(self) -> tuple[int, ...]:
        """Ascent and descent, in units."""
        return struct.unpack_from(">2h", self.tables[b"hhea"], 4)

    @cached_property
    def glyphs(self) -> dict[int, int]:
        """The number of the glyph of each code point."""
        cmap = self.tables[b"cmap"]
        (count,) = struct.unpack_from(">H", cmap, 2)
        places = {
            (platform, encoding): offset
            for platform, encoding, offset in struct.iter_unpack(">HHI", cmap[4 : 4 + 8 * count])
        }
        for key in ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3)):
            if key in places:
                return _read_map(cmap[places[key] :])
        raise FontError

    def width(self, glyph: int) -> int:
        """Return the advance of a glyph, in thousandths of an em."""
        (count,) = struct.unpack_from(">H", self.tables[b"hhea"], 34)
        at = 4 * min(glyph, count - 1)
        (width,) = struct.unpack_from(">H", self.tables[b"hmtx"], at)
        return round(int(width) * 1000 / self.units)

    def subset(self, wanted: Iterable[int]) -> bytes:
        """Return the font with the outlines of these glyphs only, their numbers as they were."""
        kept = self._with_parts(wanted)
        outlines, places = bytearray(), [0]
        for glyph in range(self._n_glyphs):
            if glyph in kept:
                outlines += self._outline(glyph)
                outlines += bytes(-len(outlines) % 4)
            places.append(len(outlines))
        head = bytearray(self.tables[b"head"])
        struct.pack_into(">h", head, 50, 1)  # indexToLocFormat: four bytes
        changed = {
            b"glyf": bytes(outlines), b"head": bytes(head),
            b"loca": struct.pack(f">{len(places)}I", *places),
        }  # fmt: skip
        return _file({**self.tables, **changed})

    @cached_property
    def _n_glyphs(self) -> int:
        (count,) = struct.unpack_from(">H", self.tables[b"maxp"], 4)
        return int(count)

    @cached_property
    def _places(self) -> tuple[int, ...]:
        (is_long,) = struct.unpack_from(">h", self.tables[b"head"], 50)
        loca, count = self.tables[b"loca"], self._n_glyphs + 1
        if is_long:
            return struct.unpack_from(f">{count}I", loca)
        return tuple(2 * place for place in struct.unpack_from(f">{count}H", loca))

    def _outline(self, glyph: int) -> bytes:
        if not 0 <= glyph < self._n_glyphs:
            raise FontError
        return self.tables[b"glyf"][self._places[glyph] : self._places[glyph + 1]]

    def _with_parts(self, wanted: Iterable[int]) -> set[int]:
        """Return glyphs and those that they are put together from."""
        kept, waiting = {0}, list(wanted)
        while waiting:
            glyph = waiting.pop()
            if glyph not in kept:
                kept.add(glyph)
                waiting.extend(_parts(self._outline(glyph)))
        return kept


def _parts(outline: bytes) -> list[int]:
    """Return the glyphs that a glyph is put together from."""
    if not outline or struct.unpack_from(">h", outline)[0] >= 0:
        return []
    found, at, flags = [], 10, _MORE_COMPONENTS
    while flags & _MORE_COMPONENTS:
        flags, glyph = struct.unpack_from(">HH", outline, at)
        found.append(glyph)
        at += 8 if flags & 1 else 6
        at += 2 if flags & 8 else 4 if flags & 0x40 else 8 if flags & 0x80 else 0
    return found


def _read_map(table: bytes) -> dict[int, int]:
    (kind,) = struct.unpack_from(">H", table)
    if kind == 12:
        (count,) = struct.unpack_from(">I", table, 12)
        groups = struct.iter_unpack(">III", table[16 : 16 + 12 * count])
        return {
            first + n: glyph + n
            for first, last, glyph in groups
            for n in range(min(last - first + 1, _MAX_GLYPHS))
        }
    if kind != 4:
        raise FontError
    return _read_segments(table)


def _read_segments(table: bytes) -> dict[int, int]:
    """Read a map of format 4."""
    (double,) = struct.unpack_from(">H", table, 6)
    count, at = double // 2, 14
    lasts = struct.unpack_from(f">{count}H", table, at)
    firsts = struct.unpack_from(f">{count}H", table, at + double + 2)
    deltas = struct.unpack_from(f">{count}H", table, at + 2 * double + 2)
    ranges_at = at + 3 * double + 2
    ranges = struct.unpack_from(f">{count}H", table, ranges_at)
    found = {}
    for number, (first, last, delta, shift) in enumerate(
        zip(firsts, lasts, deltas, ranges, strict=True)
    ):
        for code in range(first, last + 1):
            glyph = code
            if shift:
                place = ranges_at + 2 * number + shift + 2 * (code - first)
                if place + 2 > len(table):
                    continue
                (glyph,) = struct.unpack_from(">H", table, place)
                if not glyph:
                    continue
            if number_of := (glyph + delta) & 0xFFFF:
                found[code] = number_of
    return found


def _file(tables: dict[bytes, bytes]) -> bytes:
    kept = [name for name in _TABLES if name in tables]
    power = len(kept).bit_length() - 1
    head = b"\0\1\0\0" + struct.pack(
        ">4H", len(kept), 16 << power, power, 16 * len(kept) - (16 << power)
    )
    offset = len(head) + 16 * len(kept)
    rows, bodies = [], []
    for name in kept:
        body = tables[name] + bytes(-len(tables[name]) % 4)
        total = sum(struct.unpack(f">{len(body) // 4}I", body)) & 0xFFFFFFFF
        rows.append(struct.pack(">4sIII", name, total, offset, len(tables[name])))
        bodies.append(body)
        offset += len(body)
    return head + b"".join(rows) + b"".join(bodies)


def load(data: bytes) -> Font:
    """Return the font of a file; the first of a collection.

    Raises
    ------
    FontError
        It is none with TrueType outlines, is damaged, or does not let itself be embedded.
    """
    try:
        start = struct.unpack_from(">I", data, 12)[0] if data[:4] == b"ttcf" else 0
        font = Font(data, start)
        if data[start : start + 4] not in _SFNT or b"glyf" not in font.tables:
            raise FontError
        system = font.tables.get(b"OS/2", b"")
        allowed = struct.unpack_from(">H", system, 8)[0] if system else 0
        if allowed & 0xF == _NO_EMBEDDING or not font.glyphs or not font.units:
            raise FontError
    except (struct.error, IndexError, KeyError) as exc:
        raise FontError from exc
    return font

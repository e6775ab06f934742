"""Blackening regions of uncompressed pixel data as it streams by (PS3.5 section 8.1.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, NamedTuple

from emixcli.deid.pixels.errors import PixelError, damaged, unsupported

if TYPE_CHECKING:
    from emixcli.deid.pixels.facts import Facts, Region

#: About as many bytes are held at once.
CHUNK: Final = 4 * 1024 * 1024
_MAX_LINE: Final = 65_535 * 65_535
_ZEROS: Final = bytes(1024 * 1024)


class Layout(NamedTuple):
    """How pixels follow each other: planes of lines of units of bytes.

    A unit is what several pixels share: one pixel, or two in YBR_FULL_422. With planar
    configuration 1 each sample has a plane of its own.

    Attributes
    ----------
    black
        The bytes of a black unit in each plane of a frame.
    """

    rows: int
    units: int
    unit_pixels: int
    black: tuple[bytes, ...]

    @property
    def line_bytes(self) -> int:
        """Bytes of one line of a plane."""
        return self.units * len(self.black[0])

    @property
    def plane_bytes(self) -> int:
        """Bytes of one plane."""
        return self.rows * self.line_bytes

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.plane_bytes * len(self.black)

    def spans(self, regions: Sequence[Region]) -> list[tuple[int, int, int, int]]:
        """Return first and last line, first and last unit of each region, ends excluded."""
        size = self.unit_pixels
        found = []
        for region in regions:
            part = region.clip(self.units * size, self.rows)
            if part is not None:
                found.append((part.y0, part.y1, part.x0 // size, -(-part.x1 // size)))
        return found


def black_samples(facts: Facts) -> list[int]:
    """Return the value of each sample of a black pixel, as it is stored.

    Black is the least value, in MONOCHROME1 the greatest, and no colour (PS3.3 section C.7.6.3).

    Raises
    ------
    PixelError
        If samples are not of whole bytes, or a pixel has more than four.
    """
    bits = facts.integer("BitsAllocated")
    if bits not in {8, 16, 32, 64} or facts.samples > 4:
        raise damaged()
    photometric = facts.text("PhotometricInterpretation")
    if photometric.startswith(("YBR_FULL", "YBR_PARTIAL")) and facts.samples == 3:
        half = 1 << (bits - 1)
        return [half >> 3 if photometric.startswith("YBR_P") else 0, half, half]
    stored = min(facts.integer("BitsStored") or bits, bits)
    signed = facts.integer("PixelRepresentation") == 1
    value = 0
    if photometric == "MONOCHROME1":
        value = (1 << (stored - signed)) - 1
    elif signed and photometric == "MONOCHROME2":
        value = ((1 << bits) - 1) ^ ((1 << (stored - 1)) - 1)
    shift = max(0, facts.integer("HighBit", stored - 1) + 1 - stored)
    value = (value << shift) & ((1 << bits) - 1)
    return [value] * facts.samples


def layout(facts: Facts, length: int) -> Layout:
    """Return how the pixels of whole bytes follow each other.

    Raises
    ------
    PixelError
        If the header does not say, or says something that does not exist.
    """
    bits, samples = facts.integer("BitsAllocated"), facts.samples
    rows, columns = facts.rows, facts.columns
    if not 0 < rows * columns <= _MAX_LINE:
        raise damaged()
    if facts.big_endian and bits == 8:
        raise unsupported("8 bit pixels in big endian order")
    order: Literal["big", "little"] = "big" if facts.big_endian else "little"
    values = [value.to_bytes(bits // 8, order) for value in black_samples(facts)]
    halved = facts.text("PhotometricInterpretation") == "YBR_FULL_422" and samples == 3
    # Some devices say 422 and store three samples a pixel.
    if halved and bits == 8 and columns % 2 == 0 and length < 3 * rows * columns * facts.frames:
        return Layout(rows, columns // 2, 2, (values[0] * 2 + values[1] + values[2],))
    if facts.integer("PlanarConfiguration") == 1 and samples > 1:
        return Layout(rows, columns, 1, tuple(values))
    return Layout(rows, columns, 1, (b"".join(values),))


def needs_cleaning(facts: Facts, length: int, regions: Sequence[Region] = ()) -> bool:
    """Whether the value of native pixel data must not be copied as it is.

    Regions are blackened, overlays that hide in unused bits are cleared, and bytes that follow the
    last pixel, but for one that makes the length even.
    """
    if regions or facts.has_embedded_overlay:
        return True
    bits = facts.rows * facts.columns * facts.samples * facts.integer("BitsAllocated")
    expected = -(-bits * facts.frames // 8)
    if facts.text("PhotometricInterpretation") == "YBR_FULL_422":
        with suppress(PixelError):
            expected = layout(facts, length).frame_bytes * facts.frames
    return expected > 0 and length > expected + expected % 2


def iter_cleaned(
    file: BinaryIO, start: int, length: int, facts: Facts, regions: Sequence[Region]
) -> Iterator[memoryview | bytes]:
    """Yield the value of native pixel data with regions of all frames blackened.

    What follows the last frame is replaced by zeros, as are bits that hold an overlay instead of
    pixel values. All other bytes are those of the file.
    """
    if facts.integer("BitsAllocated") % 8:
        yield from _iter_bits(file, start, length, facts, regions)
        return
    form = layout(facts, length)
    end = min(length, form.frame_bytes * facts.frames)
    spans = form.spans(regions)
    if facts.has_embedded_overlay:
        for data in _iter_bands(file, start, end, form, spans):
            _keep_stored_bits(data, facts)
            yield data
    elif spans:
        yield from _iter_bands(file, start, end, form, spans)
    else:
        yield from _copy(file, start, end)
    yield from zeros(length - end)


def _iter_bands(
    file: BinaryIO,
    start: int,
    end: int,
    form: Layout,
    spans: Sequence[tuple[int, int, int, int]],
) -> Iterator[memoryview]:
    """Yield whole planes, several at once where they are small, else bands of lines."""
    planes = max(1, CHUNK // form.plane_bytes)
    lines = form.rows if form.plane_bytes <= CHUNK else max(1, CHUNK // form.line_bytes)
    at, plane, line = 0, 0, 0
    while at < end:
        n_lines = min(lines, form.rows - line)
        n_planes = planes if n_lines == form.rows else 1
        size = n_planes * n_lines * form.line_bytes
        data = bytearray(size)
        wanted = min(size, end - at)
        read_into(file, start + at, memoryview(data)[:wanted])
        _blacken(data, form, spans, line=line, n_lines=n_lines, plane=plane)
        yield memoryview(data)[:wanted]
        at += size
        line += n_lines
        if line >= form.rows:
            line, plane = 0, plane + n_planes


def _blacken(
    data: bytearray,
    form: Layout,
    spans: Sequence[tuple[int, int, int, int]],
    *,
    line: int,
    n_lines: int,
    plane: int,
) -> None:
    """Blacken the part of regions between `line` and `line + n_lines` of some planes, in place."""
    import numpy as np

    size = len(form.black[0])
    pixels = np.frombuffer(data, np.uint8).reshape(-1, n_lines, form.units, size)
    every = len(form.black)
    for offset in range(min(every, len(pixels))):
        black = np.frombuffer(form.black[(plane + offset) % every], np.uint8)
        for top, bottom, left, right in spans:
            first, last = max(top - line, 0), min(bottom - line, n_lines)
            if first < last:
                pixels[offset::every, first:last, left:right] = black


def _keep_stored_bits(data: memoryview, facts: Facts) -> None:
    """Clear the bits of samples that hold no pixel value (PS3.5 section 8.1.1), in place."""
    import numpy as np

    size = facts.integer("BitsAllocated") // 8
    stored = facts.integer("BitsStored") or 8 * size
    low = max(0, facts.integer("HighBit", stored - 1) + 1 - stored)
    samples = np.frombuffer(data, f"{'>' if facts.big_endian else '<'}u{size}")
    samples &= np.array(((1 << stored) - 1) << low & ((1 << 8 * size) - 1), samples.dtype)


def _iter_bits(
    file: BinaryIO, start: int, length: int, facts: Facts, regions: Sequence[Region]
) -> Iterator[bytes | memoryview]:
    """As `iter_cleaned` for pixels of 1 or 12 bits, which are packed without gaps."""
    bits, samples = facts.integer("BitsAllocated"), facts.samples
    rows, columns, frames = facts.rows, facts.columns, facts.frames
    if facts.big_endian:
        raise unsupported(f"pixels of {bits} bits in big endian order")
    if rows * columns <= 0 or bits not in {1, 12}:
        raise damaged()
    if samples > 1 and facts.integer("PlanarConfiguration") == 1:
        frames, samples = frames * samples, 1
    line = columns * samples * bits
    group = rows * line  # bytes of eight planes
    end = min(length, -(-frames * rows * line // 8))
    clipped = [part for region in regions if (part := region.clip(columns, rows)) is not None]
    for at in range(0, end, group):
        data = bytearray(min(group, end - at))
        read_into(file, start + at, memoryview(data))
        for plane in range(8):
            for region in clipped:
                for row in range(region.y0, region.y1):
                    first = (plane * rows + row) * line
                    clear_bits(data, first + region.x0 * samples * bits,
                               first + region.x1 * samples * bits)  # fmt: skip
        yield memoryview(data)
    yield from zeros(length - end)


def clear_bits(data: bytearray, start: int, end: int) -> None:
    """Clear a range of bits, the lowest of each byte first, as far as there are bytes."""
    end = min(end, 8 * len(data))
    while start < end and start % 8:
        data[start // 8] &= ~(1 << start % 8)
        start += 1
    while start < end and end % 8:
        end -= 1
        data[end // 8] &= ~(1 << end % 8)
    if start < end:
        data[start // 8 : end // 8] = bytes((end - start) // 8)


def read_into(file: BinaryIO, at: int, view: memoryview) -> None:
    """Fill `view` with the bytes of a file.

    Raises
    ------
    PixelError
        If the file ends before.
    """
    file.seek(at)
    done = 0
    while done < len(view):
        data = file.read(len(view) - done)
        if not data:
            raise damaged()
        view[done : done + len(data)] = data
        done += len(data)


def _copy(file: BinaryIO, start: int, length: int) -> Iterator[memoryview]:
    for at in range(0, length, CHUNK):
        data = memoryview(bytearray(min(CHUNK, length - at)))
        read_into(file, start + at, data)
        yield data


def zeros(length: int) -> Iterator[bytes | memoryview]:
    """Yield so many zeros, some at once."""
    while length > 0:
        yield memoryview(_ZEROS)[: min(length, len(_ZEROS))]
        length -= len(_ZEROS)

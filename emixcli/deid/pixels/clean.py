"""Pixel data with regions blackened and comments taken out, as it goes into the output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

from emixcli.deid.pixels import libraries
from emixcli.deid.pixels.encapsulated import Rewritten, read_encapsulated, rewrite
from emixcli.deid.pixels.errors import damaged, unsupported
from emixcli.deid.pixels.facts import EXTENDED_OFFSETS, KEYWORDS, Facts, Region
from emixcli.deid.pixels.markers import strip_comments
from emixcli.deid.pixels.native import black_samples, iter_cleaned, layout, needs_cleaning, zeros
from emixcli.deid.pixels.syntaxes import Codec, can_clean, codec
from emixcli.syntaxes import has_markers, is_video

if TYPE_CHECKING:
    from emixcli.deid.body import Piece

UNDEFINED: Final = 0xFFFFFFFF
_N_FRAMES: Final = KEYWORDS["NumberOfFrames"]


@dataclass(frozen=True)
class Cleaned:
    """The value of the pixel data element: pieces in order, each time anew.

    Attributes
    ----------
    size
        Bytes of all pieces.
    attributes
        Value bytes, in little endian, of elements that the header must have besides.
    """

    size: int
    make: Callable[[], Iterator[Piece]]
    attributes: Mapping[int, bytes] = field(default_factory=dict)
    free: Callable[[], None] | None = None

    def pieces(self) -> Iterator[Piece]:
        """Yield bytes, and offset and length of ranges of the source."""
        return self.make()

    def close(self) -> None:
        """Remove temporary files."""
        if self.free is not None:
            self.free()


def clean_pixels(
    facts: Facts, file: BinaryIO, start: int, length: int, regions: Sequence[Region] = ()
) -> Cleaned:
    """Return the value of the pixel data with regions of all frames blackened.

    Native pixels stream by and are never held as a whole. Of compressed ones a frame at a time
    is held, and frames with regions are coded again: without loss, or only in the blocks touched.
    Comments in code streams, and bytes behind the last pixel, are taken out also without regions.

    Parameters
    ----------
    start, length
        Where the value lies in `file`; a length of 0xFFFFFFFF says that it is encapsulated.

    Raises
    ------
    PixelError
        If the pixels cannot be read, or their compression cannot be cleaned.
    """
    clipped = _clip(facts, regions)
    if length != UNDEFINED:
        return _clean_native(facts, file, start, length, clipped)
    return _clean_encapsulated(facts, file, start, clipped)


def clean_frames(
    facts: Facts, file: BinaryIO, start: int, length: int, regions: Sequence[Sequence[Region]]
) -> Cleaned:
    """Return native pixel data with regions of its own blackened in each frame.

    Raises
    ------
    PixelError
        If it is compressed, or ends before its last frame.
    """
    if length == UNDEFINED:
        raise unsupported("a multi-frame head that is compressed")
    if facts.integer("BitsAllocated") % 8:
        raise damaged()
    size = layout(facts, length).frame_bytes
    if size * len(regions) > length:
        raise damaged()
    values = {tag: value for tag, value in facts.values.items() if tag != _N_FRAMES}
    frame = Facts(values, facts.transfer_syntax_uid, facts.explicit_vr, facts.big_endian)

    def pieces() -> Iterator[Piece]:
        for number, own in enumerate(regions):
            yield from iter_cleaned(file, start + number * size, size, frame, own)
        yield from zeros(length - size * len(regions))

    return Cleaned(length, pieces)


def _clean_encapsulated(facts: Facts, file: BinaryIO, start: int, regions: list[Region]) -> Cleaned:
    syntax = facts.transfer_syntax_uid
    source = read_encapsulated(file, start, facts, is_video=is_video(syntax))
    extended = EXTENDED_OFFSETS in facts.values
    written = rewrite(file, source, _changer(facts, regions), extended=extended)
    attributes = {
        tag: value for tag, value in written.attributes.items() if value != facts.values.get(tag)
    }
    if regions and codec(syntax) is Codec.JPEG and facts.text("LossyImageCompression") != "01":
        attributes |= _lossy_attributes(facts, written.size)
    if is_video(syntax):
        return _clean_video(written, attributes, syntax)
    if written.is_new:
        return Cleaned(written.size, written.pieces, attributes, written.close)
    written.close()
    size = source.end - start
    return Cleaned(size, lambda: iter([(start, size)]), attributes)


def _clean_video(written: Rewritten, attributes: dict[int, bytes], syntax: str) -> Cleaned:
    """Return a video whose fragments are those of the source, without text between pictures."""
    from emixcli.deid.pixels.video import Stream, find_patches, overwritten

    def read_at(offset: int, length: int) -> bytes:
        written.file.seek(offset)
        return written.file.read(length)

    stream = Stream(read_at, written.source.frames[0])
    try:
        patches = find_patches(stream, syntax)
    except BaseException:
        written.close()
        raise
    return Cleaned(
        written.size,
        lambda: overwritten(written.pieces(), stream, patches),
        attributes,
        written.close,
    )


def _lossy_attributes(facts: Facts, size: int) -> dict[int, bytes]:
    """Return what says that pixels were lossily coded once (PS3.3 section C.7.6.1.1.5)."""
    pixels = facts.rows * facts.columns * facts.samples * facts.frames
    ratio = pixels * facts.integer("BitsAllocated") / 8 / max(size, 1)
    return {
        KEYWORDS["LossyImageCompression"]: b"01",
        0x00282112: f"{ratio:.2f}".encode(),
        0x00282114: b"ISO_10918_1",
    }


def _clip(facts: Facts, regions: Sequence[Region]) -> list[Region]:
    clipped = [region.clip(facts.columns, facts.rows) for region in regions]
    if regions and not any(clipped):
        raise damaged()  # regions outside the image: its dimensions are wrong
    return [region for region in clipped if region is not None]


def _clean_native(
    facts: Facts, file: BinaryIO, start: int, length: int, regions: list[Region]
) -> Cleaned:
    if not needs_cleaning(facts, length, regions):
        return Cleaned(length, lambda: iter([(start, length)]))
    if codec(facts.transfer_syntax_uid) not in {Codec.NATIVE, Codec.OTHER}:
        raise damaged()  # compressed pixels without items
    pieces = partial(iter_cleaned, file, start, length, facts, regions)
    for _ in iter_cleaned(file, start, 0, facts, regions):
        pass  # raises now, rather than in the midst of the output, what the header rules out
    return Cleaned(length, pieces)


def _changer(facts: Facts, regions: list[Region]) -> Callable[[bytes], bytes | None] | None:
    """Return what is done to every frame, None where nothing has to be."""
    syntax = facts.transfer_syntax_uid
    kind = codec(syntax)
    if kind is Codec.RLE:
        return _rle_changer(facts, regions)
    if kind is Codec.DEFLATED:
        return libraries.deflated_changer(facts, regions)
    if not regions and not facts.has_embedded_overlay:
        return strip_comments if has_markers(syntax) else None
    if facts.has_embedded_overlay:
        raise unsupported("an overlay in unused bits of compressed pixels")
    if not can_clean(syntax):
        raise unsupported("this compression" if kind is Codec.OTHER else kind.value)
    size = (facts.rows, facts.columns)
    if kind is Codec.JPEG:
        from emixcli.deid.pixels.jpeg import blacken_jpeg

        photometric = facts.text("PhotometricInterpretation")
        return partial(blacken_jpeg, regions=regions, size=size, photometric=photometric)
    if kind is Codec.JPEG_LOSSLESS:
        from emixcli.deid.pixels.jpeg_lossless import blacken_lossless

        black = black_samples(facts)
        return partial(blacken_lossless, regions=regions, size=size, black=black)
    return libraries.changer(kind, facts, regions)


def _rle_changer(facts: Facts, regions: list[Region]) -> Callable[[bytes], bytes | None]:
    from emixcli.deid.pixels.rle import blacken_rle, trim_rle

    if facts.has_embedded_overlay:
        raise unsupported("an overlay in unused bits of compressed pixels")
    size = facts.integer("BitsAllocated") // 8
    # Of each sample the most significant byte is the first segment (PS3.5 section G.2).
    black = [
        bytes((byte,)) for value in black_samples(facts) for byte in value.to_bytes(size, "big")
    ]
    if not regions:
        pixels = facts.rows * facts.columns
        return partial(trim_rle, pixels=pixels, n_segments=len(black))
    return partial(
        blacken_rle, regions=regions, columns=facts.columns, rows=facts.rows, black=black
    )

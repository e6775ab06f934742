"""The header of a DICOM object, read fast and from any bytes (PS3.10 section 7, PS3.5 section 7).

Only the attributes of `model.KEYWORDS` are taken; everything else is stepped over by its length.
Decoding is tolerant: a missing preamble or meta group, a wrong transfer syntax, sequences without
end and values cut by the end of the file are read as far as they go and named in `Header.codes`.

Values are those that pydicom gives, as text, except that
- Transfer Syntax UID is what was found in the bytes where the file does not name one;
- Pixel Padding Value is a number also in implicit VR, where pydicom leaves bytes;
- each part of a text is stripped on both sides, but for NULs in front, and line ends are kept;
- a value above 64 KiB is taken as absent, and reading stops at the first of several zero tags.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, Final

from emixcli.errors import NoDicomError
from emixcli.media import elements as el
from emixcli.media.learning import Sample, Templates
from emixcli.media.parser import Parser
from emixcli.media.sharing import Sharing
from emixcli.media.stepping import N_SLOTS, Caches
from emixcli.media.template import META_OFFSET
from emixcli.media.window import HEAD_LENGTH, MAX_VALUE, ReadAt, Window, head_length_for
from emixcli.syntaxes import DEFLATED_UID

if TYPE_CHECKING:
    from emixcli.media.template import Matched, Template
    from emixcli.model import Value
    from emixcli.packed import SharedValues


_SYNTAX: Final = el.SLOTS["TransferSyntaxUID"]
#: A file without the prefix `DICM` counts as DICOM only if it has one of these.
_EVIDENCE: Final = tuple(
    el.SLOTS[keyword] for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "Rows")
)
_CACHE_LIMIT: Final = 8192


class Header:
    """What a header says. Not to be changed once made.

    Attributes
    ----------
    shared, own
        Its values: those that other headers have as well, and its own.
    pixels
        Offset and length of the pixel data, as in `model.Instance`.
    deep
        As in `model.Instance`.
    codes
        Codes of findings on the structure (`F`, `S01`, `S04`, `S08` to `S11`, `S15`, `S21`),
        sorted.
    dataset_offset
        Where the data set begins: after preamble and meta group.
    end
        Where reading stopped: the pixel data element, or the end of the file.
    media_class
        Media Storage SOP Class UID of the meta group, "" where there is none.
    """

    __slots__ = (
        "codes", "dataset_offset", "end", "media_class", "own", "pixels", "shared",
    )  # fmt: skip

    def __init__(
        self,
        values: tuple[SharedValues, list[Value]],
        pixels: tuple[int, int],
        codes: tuple[str, ...],
        extent: tuple[int, int],
        media_class: str,
    ) -> None:
        self.shared, self.own = values
        self.pixels = pixels
        self.codes = codes
        self.dataset_offset, self.end = extent
        self.media_class = media_class

    @property
    def values(self) -> tuple[Value, ...]:
        """All values, in the order of `model.KEYWORDS`."""
        return self.shared.with_own(self.own)

    @property
    def pixel_offset(self) -> int:
        """As in `model.Instance`."""
        return self.pixels[0]

    @property
    def pixel_length(self) -> int:
        """As in `model.Instance`."""
        return self.pixels[1]

    @property
    def deep(self) -> bool:
        """As in `model.Instance`."""
        return self.shared.deep

    def value(self, slot: int) -> Value:
        """Return the value of `model.KEYWORDS[slot]`."""
        index = self.shared.slots.find(slot)
        return self.shared.values[slot] if index < 0 else self.own[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Header) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        extent = (self.dataset_offset, self.end)
        return (self.values, self.pixels, self.deep, self.codes, extent, self.media_class)


def read_header(file: BinaryIO | bytes | bytearray | memoryview, size: int | None = None) -> Header:
    """Return the header of a DICOM object.

    Parameters
    ----------
    file
        A seekable binary file, or all its bytes.
    size
        Size of the file, where it is known.

    Raises
    ------
    NoDicomError
        If the bytes are not a DICOM object.
    OSError
        If the file cannot be read.
    """
    if isinstance(file, bytes | bytearray | memoryview):
        content = bytes(file)
        size = len(content) if size is None else size

        def read_at(offset: int, length: int) -> bytes:
            return content[offset : offset + length]

    else:
        stream = file
        size = stream.seek(0, 2) if size is None else size

        def read_at(offset: int, length: int) -> bytes:
            stream.seek(offset)
            return stream.read(length)

    header = HeaderReader().find(read_at(0, HEAD_LENGTH), size, read_at)
    if header is None:
        raise NoDicomError("not a DICOM object")
    return header


class HeaderReader:
    """Reads many headers, the faster the more alike they are. Not for use by several threads.

    Attributes
    ----------
    head_length
        How many bytes to read first of the next file: as many as the last header had.
    n_matched
        How many headers were read by a template.
    """

    def __init__(self) -> None:
        self.head_length = HEAD_LENGTH
        self.n_matched = 0
        self._caches = Caches()
        self._templates = Templates()
        self._sharing = Sharing()

    def find(self, head: bytes, size: int, read_at: ReadAt) -> Header | None:
        """Return the header, or None where the bytes are not a DICOM object.

        Parameters
        ----------
        head
            The first bytes of the file: `head_length`, or all of a smaller one.
        size
            Size of the file in bytes.
        read_at
            Called as `read_at(offset, length)` for bytes after `head`.
        """
        for template in self._templates.found:
            matched = template.match(head)
            if matched is not None and _is_meta_whole(head, matched.dataset):
                self._templates.use(template)
                self.n_matched += 1
                self.head_length = template.head_length
                if template.pixel_mark:
                    return _with_pixels(template, matched, head, size)
                parser = Parser(Window(head, size, read_at), self._caches)
                parser.resume(template, matched)
                return self._header(parser)
        try:
            return self._parse(head, size, read_at)
        except struct.error:  # fewer bytes than the window promised
            return None

    def _parse(self, head: bytes, size: int, read_at: ReadAt) -> Header | None:
        if len(self._caches.texts) > _CACHE_LIMIT:
            self._caches = Caches()
        parser = Parser(Window(head, size, read_at), self._caches)
        if head[128:134] == b"DICM\x02\x00" or (
            head[128:132] == b"DICM" and (_is_plausible(head[132:]) or not _is_plausible(head))
        ):
            parser.read(META_OFFSET, has_prefix=True)
            self.head_length = head_length_for(parser.offset)
            if not parser.codes and parser.is_short and parser.values[_SYNTAX] != DEFLATED_UID:
                self._templates.learn(Sample.of(parser, head))
            return self._header(parser)
        start = 4 if head.startswith(b"DICM\x02\0") else 0
        if not _is_plausible(head[start:]):
            return None
        parser.read(start, has_prefix=False)
        if start:
            parser.codes.add("F12")
        return self._header(parser) if any(parser.values[slot] for slot in _EVIDENCE) else None

    def _header(self, parser: Parser) -> Header:
        is_deep = parser.values[N_SLOTS] is not None
        return Header(
            self._sharing.split(parser.values[:N_SLOTS], deep=is_deep),
            (parser.pixel_offset, parser.pixel_length),
            tuple(sorted(parser.codes)),
            (parser.dataset, parser.offset),
            parser.media_class,
        )


def _is_meta_whole(head: bytes, dataset: int) -> bool:
    """Whether the meta group is as long as it says, if it does; no template looks at it."""
    length = int.from_bytes(head[140:144], "little")
    return 144 + length == dataset or head[132:136] != b"\x02\0\0\0"


def _with_pixels(template: Template, matched: Matched, head: bytes, size: int) -> Header:
    """Return the header where a template went as far as the length of the pixel data."""
    dataset, end, own = matched
    length = int.from_bytes(head[end : end + 4], "little")
    is_cut = length != el.UNDEFINED and end + 4 + length > size
    return Header(
        (template.shared, own),
        (end + 4, length),
        ("S04",) if is_cut else (),
        (dataset, end - len(template.pixel_mark)),
        template.media_class,
    )


def _is_plausible(head: bytes) -> bool:
    """Whether bytes without prefix may be a data set: a low first tag and a sane length."""
    if len(head) < 16:
        return False
    for order in ("little", "big"):
        group = int.from_bytes(head[0:2], order)
        element = int.from_bytes(head[2:4], order)
        if group in (0x0002, 0x0004, 0x0008) and element < 0x4000:
            length = int.from_bytes(head[4:8], order)
            return el.has_vr(head[4:6]) or length < MAX_VALUE
    return False

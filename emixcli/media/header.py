"""The header of a DICOM object, read fast and from any bytes (PS3.10 section 7, PS3.5 section 7).

Only the attributes of `model.KEYWORDS` are taken; everything else is stepped over by its length.
Decoding is tolerant: a missing preamble or meta group, a wrong transfer syntax, sequences without
end and values cut by the end of the file are read as far as they go and named in `Header.codes`.

Values are those that pydicom gives, as text, except that
- Transfer Syntax UID is what was found in the bytes where the file does not name one;
- Pixel Padding Value is a number also in implicit VR, where pydicom leaves bytes;
- each part of a text is stripped on both sides, and line ends are kept as they are;
- a value above 64 KiB is taken as absent, and reading stops at the first zero tag.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from emixcli.errors import NoDicomError
from emixcli.media import elements as el
from emixcli.media.charset import decode_text, joined
from emixcli.media.stepping import AT_UNDEFINED, AT_ZERO, CUT, MORE, N_SLOTS, Caches, Stepper
from emixcli.media.template import Templates
from emixcli.media.window import HEAD_LENGTH, MAX_HEAD, MAX_VALUE, Inflated, ReadAt, Window

if TYPE_CHECKING:
    from emixcli.model import Value

IMPLICIT_LITTLE_UID: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_UID: Final = "1.2.840.10008.1.2.1"
DEFLATED_UID: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG_UID: Final = "1.2.840.10008.1.2.2"

_SYNTAX: Final = el.SLOTS["TransferSyntaxUID"]
_CHARSET: Final = el.SLOTS["SpecificCharacterSet"]
_PADDING: Final = el.SLOTS["PixelPaddingValue"]
_SIGN: Final = el.SLOTS["PixelRepresentation"]
_NAMES: Final = frozenset({el.SLOTS["PatientName"], el.SLOTS["ReferringPhysicianName"]})
#: A file without the prefix `DICM` counts as DICOM only if it has one of these.
_EVIDENCE: Final = tuple(
    el.SLOTS[keyword] for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "Rows")
)
_CACHE_LIMIT: Final = 8192


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says.

    Attributes
    ----------
    values
        In the order of `model.KEYWORDS`.
    pixel_offset, pixel_length, deep
        As in `model.Instance`.
    codes
        Codes of findings on the structure (`F05`, `F06`, `F07`, `F09`, `S04`, `S10`), sorted.
    dataset_offset
        Where the data set begins: after preamble and meta group.
    end
        Where reading stopped: the pixel data element, or the end of the file.
    media_class
        Media Storage SOP Class UID of the meta group, "" where there is none.
    """

    values: tuple[Value, ...]
    pixel_offset: int = -1
    pixel_length: int = 0
    deep: bool = False
    codes: tuple[str, ...] = ()
    dataset_offset: int = 0
    end: int = 0
    media_class: str = ""


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
    """Reads many headers; equal values become one object. Not for use by several threads.

    Attributes
    ----------
    head_length
        How many bytes to read first of the next file: as many as the last header had.
    """

    def __init__(self) -> None:
        self.head_length = HEAD_LENGTH
        self._caches = Caches()
        self._templates = Templates()

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
        if len(self._caches.texts) > _CACHE_LIMIT:
            self._caches = Caches()
        file = _File(Window(head, size, read_at), self._caches)
        try:
            if head[128:134] == b"DICM\x02\x00" or (
                head[128:132] == b"DICM" and (_is_plausible(head[132:]) or not _is_plausible(head))
            ):
                header = file.read(132, self._templates, has_prefix=True)
                self.head_length = min(max(HEAD_LENGTH, header.end + 4096 & ~4095), MAX_HEAD)
                return header
            if not _is_plausible(head):
                return None
            header = file.read(0, self._templates, has_prefix=False)
        except struct.error:  # fewer bytes than the window promised
            return None
        return header if any(header.values[slot] for slot in _EVIDENCE) else None


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


class _File(Stepper):
    """State while one header is read."""

    __slots__ = ()

    def read(self, offset: int, templates: Templates, *, has_prefix: bool) -> Header:
        """Read meta group and data set from `offset` on."""
        if not has_prefix:
            self.codes.add("F05")
        self.offset = offset
        head = self.window.data
        if not templates.follow(self, offset):
            self._read_meta()
            self.dataset = self.offset
            self._choose_dialect()
        self._read_elements()
        self._finish()
        if not self.codes:
            templates.keep(self, head, offset)
        return Header(
            tuple(self.values[:N_SLOTS]),
            self.pixel_offset,
            self.pixel_length,
            self.values[N_SLOTS] is not None,
            tuple(sorted(self.codes)) if self.codes else (),
            self.dataset,
            self.offset,
            self.media_class,
        )

    # -- meta group ---------------------------------------------------------------------------

    def _read_meta(self) -> None:
        """Step through group 0002, whatever its length element says (PS3.10 section 7.1)."""
        window = self.window
        dialect = el.EXPLICIT_LITTLE
        n_elements = 0
        while True:
            at = self.offset - window.base
            if at > window.last:
                if not window.seek(self.offset):
                    break
                continue
            data = window.data
            if data[at : at + 2] != b"\x02\x00":
                break
            tag, _, value, length = el.element(dialect, data, at)
            if length > window.size:
                break
            if tag in (0x00020002, 0x00100002):
                raw = data[value : value + min(length, 128)]
                uid = joined(raw.decode("ascii", "replace"))
                if tag == 0x00020002:
                    self.media_class = sys.intern(uid)
                else:
                    self.values[_SYNTAX] = sys.intern(uid)
            self.offset = window.base + value + length
            n_elements += 1
        if not n_elements:
            self.codes.add("F06")

    def _choose_dialect(self) -> None:
        """Decide how the data set is encoded: as declared, unless its bytes say otherwise."""
        window = self.window
        syntax = self.values[_SYNTAX]
        if syntax == DEFLATED_UID:
            self._inflate()
            window = self.window
        at = self.offset - window.base
        if at > window.last:
            if not window.seek(self.offset):
                return
            at = 0
        first = window.data[at : at + 6]
        little = _is_little(first, declared=syntax != EXPLICIT_BIG_UID)
        explicit = el.has_vr(first[4:6])
        self.dialect = el.dialect(explicit=explicit, little=little)
        if not little:
            self.by_vr = self.caches.big
        declared = (syntax != IMPLICIT_LITTLE_UID, syntax != EXPLICIT_BIG_UID)
        if not syntax:
            self.values[_SYNTAX] = _syntax_of(explicit=explicit, little=little)
        elif declared != (explicit, little):
            self.codes.add("F07")

    def _inflate(self) -> None:
        window = self.window
        if window.base > self.offset or window.base:
            return
        meta = window.data[: self.offset]
        inflated = Inflated(meta, self.offset, window.size, window.read_at)
        head = inflated.read_at(0, HEAD_LENGTH)
        if inflated.is_broken and len(head) <= self.offset:
            self.codes.add("F07")  # not deflated after all
            return
        size = len(head) if len(head) < HEAD_LENGTH else 2**62
        self.window = Window(head, size, inflated.read_at)

    # -- data set -----------------------------------------------------------------------------

    def _read_elements(self) -> None:
        """Take all attributes up to the pixel data or the end."""
        window = self.window
        while True:
            reason = self.run()
            if reason == AT_UNDEFINED:
                if not self.skip_undefined():
                    break
            elif reason in (MORE, CUT):
                if not window.seek(self.offset, wide=reason == CUT):
                    break
            else:
                self._stop_at(reason)
                return
        if self.offset > window.size:
            self.codes.add("S04")

    # -- the end -------------------------------------------------------------------------------

    def _stop_at(self, reason: int) -> None:
        if reason == AT_ZERO:
            self.codes.add("F09")
            return
        window = self.window
        _, _, value, length = el.element(self.dialect, window.data, self.offset - window.base)
        self.pixel_offset = window.base + value
        self.pixel_length = length
        if length != el.UNDEFINED and self.pixel_offset + length > window.size:
            self.codes.add("S04")

    def _finish(self) -> None:
        """Decode what needs the character set or the sign, once all is read."""
        values = self.values
        charset = values[_CHARSET]
        for slot, raw in self.pending:
            if slot in el.CHARSET_SLOTS:
                values[slot] = joined(decode_text(raw, str(charset or "")))
            else:
                values[slot] = joined(raw.decode("latin-1"))
        for slot in _NAMES:
            name = values[slot]
            if name is not None and str(name).endswith("="):
                values[slot] = str(name).rstrip("=")
        padding = values[_PADDING]
        if (
            not self.dialect.explicit
            and values[_SIGN] == 1
            and isinstance(padding, int)
            and 0x8000 <= padding <= 0xFFFF
        ):
            values[_PADDING] = padding - 0x10000


def _is_little(first: bytes, *, declared: bool) -> bool:
    """Decide the byte order by the first tag, whose group is below 0x0100."""
    if first[0] == 0 and first[1]:
        return False
    if first[1] == 0 and first[0]:
        return True
    return declared


def _syntax_of(*, explicit: bool, little: bool) -> str:
    if not explicit:
        return IMPLICIT_LITTLE_UID
    return EXPLICIT_LITTLE_UID if little else EXPLICIT_BIG_UID

"""One header read element by element: meta group, dialect, data set, and what needs all of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from emixcli.media import elements as el
from emixcli.media.charset import decode_text, joined
from emixcli.media.stepping import AT_UNDEFINED, AT_ZERO, CUT, MAX_ELEMENTS, MORE, Stepper
from emixcli.media.window import CHUNK, HEAD_LENGTH, EndlessError, Inflated, Window
from emixcli.syntaxes import (
    DEFLATED_UID,
    EXPLICIT_BIG_UID,
    EXPLICIT_LITTLE_UID,
    IMPLICIT_LITTLE_UID,
)

if TYPE_CHECKING:
    from emixcli.media.template import Matched, Template

#: Group length, Media Storage SOP Class UID and Transfer Syntax UID, read in little endian.
_META: Final = (0x00000002, 0x00020002, 0x00100002)
_GROUP_LENGTH, _META_CLASS, _ = _META
#: Elements of the data set that a wrong length of the meta group may pass and hide nothing.
_MAX_HIDDEN: Final = 1024
_SYNTAX: Final = el.SLOTS["TransferSyntaxUID"]
_CHARSET: Final = el.SLOTS["SpecificCharacterSet"]
_PADDING: Final = el.SLOTS["PixelPaddingValue"]
_SIGN: Final = el.SLOTS["PixelRepresentation"]


class Parser(Stepper):
    """State while one header is read."""

    __slots__ = ()

    def read(self, offset: int, *, has_prefix: bool) -> None:
        """Read meta group and data set from `offset` on."""
        if not has_prefix:
            self.codes.add("F05")
        self.offset = self.dataset = offset
        try:
            self._read(has_prefix=has_prefix)
        except EndlessError:
            self._end_early()

    def _read(self, *, has_prefix: bool) -> None:
        declared_end = self._read_meta()
        self.dataset = self.offset
        self._choose_dialect()
        if declared_end >= 0 and self._is_hidden(declared_end):
            self.codes.add("F11")
        if has_prefix and "F06" in self.codes and self.dialect is el.IMPLICIT_LITTLE:
            self.codes.add("F07")  # what follows the prefix is explicit (PS3.10 section 7.1)
        self.read_elements()

    def resume(self, template: Template, matched: Matched) -> None:
        """Read on where a template ends."""
        self.dialect = template.dialect
        self.media_class = template.media_class
        is_deep = 1 if template.shared.deep else None
        self.values = [*template.shared.with_own(matched.own), is_deep]
        self.dataset = matched.dataset
        self.offset = matched.end
        try:
            self.read_elements()
        except EndlessError:
            self._end_early()

    # -- meta group ---------------------------------------------------------------------------

    def _read_meta(self) -> int:
        """Step through group 0002, whatever its length element says (PS3.10 section 7.1).

        Returns where it ends by that, -1 where nothing is said, or it ends with the same element.
        """
        window = self.window
        dialect = el.EXPLICIT_LITTLE
        n_elements, declared_end, last = 0, -1, 0
        for _ in range(MAX_ELEMENTS):
            at = self.offset - window.base
            if at > window.last:
                if not window.seek(self.offset):
                    break
                continue
            data = window.data
            if data[at : at + 2] != b"\x02\x00":
                break
            tag, _, value, length = el.element(dialect, data, at)
            if not el.has_known_vr(dialect, data, at):
                self.codes.add("S09")
            if length > window.size:
                break
            last = self.offset
            self.offset = window.base + value + length
            if tag == _GROUP_LENGTH and declared_end < 0:  # of two, the first one counts
                declared_end = self.offset + int.from_bytes(data[value : value + 4], "little")
            elif tag in _META:
                self._take_meta(tag, data[value : value + min(length, 128)])
            n_elements += 1
        else:
            raise EndlessError
        if not n_elements:
            self.codes.add("F06")
        return -1 if last < declared_end <= self.offset else declared_end

    def _take_meta(self, tag: int, raw: bytes) -> None:
        uid = sys.intern(joined(raw.decode("ascii", "replace")))
        if tag == _META_CLASS:
            self.media_class = uid
        else:
            self.values[_SYNTAX] = uid
            if not uid and raw.strip(b"\0"):
                self.codes.add("S08")

    def _is_hidden(self, declared_end: int) -> bool:
        """Whether a reader that trusts a wrong length of the meta group misses the object.

        It takes the meta group's encoding for the rest of it and for what it takes for a part of
        it, so it goes on where that is the data set's as well, unless it passes an identifier.
        """
        window, dialect = self.window, self.dialect
        if dialect is not el.EXPLICIT_LITTLE or declared_end > window.size:
            return True
        offset = self.dataset
        for _ in range(_MAX_HIDDEN):
            if offset >= declared_end:
                return False
            at = offset - window.base
            if at > window.last:
                return True
            tag, _, value, length = el.element(dialect, window.data, at)
            is_identifier = dialect.wanted.get(tag) in el.IDENTIFIER_SLOTS
            if is_identifier or not el.has_known_vr(dialect, window.data, at):
                return True
            offset = window.base + value + length
        return True

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
        self.window = Window(head, size, inflated.read_at, is_random=False)

    # -- data set -----------------------------------------------------------------------------

    def read_elements(self) -> None:
        """Take all attributes from `offset` up to the pixel data or the end."""
        window = self.window
        while True:
            reason = self.run()
            if reason == AT_UNDEFINED:
                if not self.skip_undefined():
                    break
            elif reason == AT_ZERO and (behind := self._behind_zero()):
                self.offset = behind
            elif reason in (MORE, CUT):
                if not window.seek(self.offset, wide=reason == CUT):
                    break
            else:
                self._stop_at(reason)
                self._finish()
                return
        if self.offset > window.size:
            self.codes.add("S04")
        elif self.offset < window.size and not self.codes:
            self._end_inside()
        self._finish()

    def _behind_zero(self) -> int:
        """Return where a single element of tag zero ends, 0 where zeros go on behind it.

        Objects that were saved with their command set begin so (PS3.7 section 6.3.1).
        """
        window = self.window
        _, _, value, length = el.element(self.dialect, window.data, self.offset - window.base)
        end = value + length
        return window.base + end if any(window.data[end : end + 4]) else 0

    def _end_inside(self) -> None:
        """Name what is left behind the last element and too short for one."""
        window = self.window
        rest = window.read_at(self.offset, window.size - self.offset)
        if any(rest):
            self.codes.add("S04")
        elif rest:
            self.codes |= {"S11", "S15"}

    def _end_early(self) -> None:
        self.codes.add("S21")
        self._finish()

    # -- the end -------------------------------------------------------------------------------

    def _stop_at(self, reason: int) -> None:
        window = self.window
        if reason == AT_ZERO:
            self.codes.add("F09")
            rest = window.read_at(self.offset, CHUNK)
            n_bytes = len(rest) if len(rest) < CHUNK else window.size - self.offset
            if n_bytes % 8 or any(rest):  # zeros are empty elements of 8 bytes
                self.codes.add("S15")
            return
        _, _, value, length = el.element(self.dialect, window.data, self.offset - window.base)
        self.pixel_offset = window.base + value
        self.pixel_length = length
        if length != el.UNDEFINED and self.pixel_offset + length > window.size:
            self.codes.add("S04")

    def _finish(self) -> None:
        """Decode what needs the character set or the sign, once all is read."""
        values = self.values
        charset = values[_CHARSET]
        for slot, raw in self.pending.items():
            if slot in el.CHARSET_SLOTS:
                values[slot] = joined(decode_text(raw, str(charset or "")))
            else:
                values[slot] = joined(raw.decode("latin-1"))
        for slot in el.NAME_SLOTS:
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


def syntax_in(first: bytes, *, declared: str) -> str:
    """Return the uncompressed transfer syntax that the first six bytes of a data set are in."""
    little = _is_little(first, declared=declared != EXPLICIT_BIG_UID)
    return _syntax_of(explicit=el.has_vr(first[4:6]), little=little)


def _syntax_of(*, explicit: bool, little: bool) -> str:
    if not explicit:
        return IMPLICIT_LITTLE_UID
    return EXPLICIT_LITTLE_UID if little else EXPLICIT_BIG_UID

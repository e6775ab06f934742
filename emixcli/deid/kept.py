"""Values that stay, are cleaned, or become dummies: what is left of their bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from emixcli.deid import binary, charsets, codes, documents, icc, publicuids, values
from emixcli.deid.dates import shift_da, shift_dt
from emixcli.deid.encodings import iter_decoded
from emixcli.deid.identity import fold
from emixcli.deid.longvalues import MAX_HELD
from emixcli.deid.options import Option
from emixcli.deid.refusal import DeidError, Reason
from emixcli.deid.rules import CHARACTER_SET, DATE_VRS, DEFINITIONS, find_row
from emixcli.deid.tables import technical, vocabulary
from emixcli.deid.terms import is_term
from emixcli.deid.terms import technical as technical_text
from emixcli.deid.text import without_controls

if TYPE_CHECKING:
    from emixcli.deid.parse import Element
    from emixcli.deid.scope import Context, Scope

PATIENT_NAME: Final = 0x00100010
PATIENT_ID: Final = 0x00100020
_ENCAPSULATED: Final = 0x00420011
_ENCAPSULATED_LENGTH: Final = 0x00420015
_ICC_PROFILE: Final = 0x00282000
_OFFSET_FROM_UTC: Final = 0x00080201
_OFFSET: Final = re.compile(rb"(?:[+-]\d{4})?[ \0]*")
#: Measured or drawn: dummies in content that is not cleaned (PS3.15 sections E.3.3, E.3.4).
_CONTENT_NUMBERS: Final = frozenset({0x0040A30A, 0x0040A161, 0x0040A162, 0x0040A163, 0x00700022})
_CODE_PARTS: Final = codes.VALUES | {0x00080102, 0x00080103, 0x00080104}
_FREE_TEXT: Final = frozenset({"LO", "LT", "SH", "ST", "UC", "UT", "PN", "AE"})
#: Graphic Layer: annotations name theirs, so that every one needs a name of its own.
_LAYER: Final = 0x00700002
_LAYER_LENGTH: Final = 8
_LONG_TEXT: Final = frozenset({"LT", "ST", "UT"})
#: Of study, series, acquisition, content and instance.
_EXAMINATIONS: Final = 0x0008
_OLDEST: Final = 89
_SHORTEST_IN_NUMBERS: Final = 5
_MAX_SEARCHED: Final = MAX_HELD
#: Digits of a number that may be a date or an identifier, and such a number: no fraction.
_MANY_DIGITS: Final = 6
_FEW_DIGITS: Final = 5
_ALL_DIGITS: Final = 8
_NUMBER: Final = re.compile(r"(?<![\d.])\d(?:[^.\\]*\d){5,}(?!\d*\.)")


class Values:
    """Treats values of one object.

    Methods take the value's bytes and return new ones, the same object where nothing changes, or
    None where nothing may stay. Text of more than `values.MAX_TEXT` bytes may not, but for numbers.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    # -- dummies ------------------------------------------------------------------------------

    def dummy(self, tag: int, vr: str, old: bytes, scope: Scope) -> bytes:
        """Return a dummy; what was empty stays empty."""
        if tag == _ENCAPSULATED:
            return self._blank_document(scope)
        if not old.strip(b" \0"):
            return b""
        if vr in values.WIDTHS:
            return values.dummy(vr, old[: binary.longest(tag)])
        if tag in (PATIENT_NAME, PATIENT_ID):
            return self._pseudonym(tag, old, scope).encode("ascii")
        return self.new_uids(old) if vr == "UI" else values.dummy(vr, old)

    def _blank_document(self, scope: Scope) -> bytes:
        mime_type = self._context.mime_type if scope.depth == 0 else ""
        return documents.blank(mime_type or "text/plain")

    def _pseudonym(self, tag: int, old: bytes, scope: Scope) -> str:
        text = charsets.decode(old, scope.charset).strip(" \0")
        is_same = scope.depth == 0 or tag == PATIENT_NAME
        if is_same and not self._context.keyed.is_own_pseudonym(text):
            return self._context.patient.pseudonym
        return self._context.keyed.pseudonym(text)

    def new_uids(self, old: bytes) -> bytes:
        """Return the new value of an attribute of UIDs."""
        if len(old) > MAX_HELD:
            raise DeidError(Reason.TOO_LARGE)
        stripped = [uid.split("\0", 1)[0].strip() for uid in old.decode("latin-1").split("\\")]
        return "\\".join(self._context.keyed.uid(uid) if uid else "" for uid in stripped).encode()

    # -- C ------------------------------------------------------------------------------------

    def clean(self, element: Element, vr: str, old: bytes, scope: Scope) -> bytes | None:
        """Return a value without what identifies (PS3.15 sections E.3.4 to E.3.6)."""
        if element.tag == _OFFSET_FROM_UTC:
            return old if _OFFSET.fullmatch(old) else None
        if vr in DATE_VRS:
            return self._moved(element.tag, vr, old)
        if vr not in values.TEXT_VRS:
            # Drawn: kept where graphics are cleaned, whose texts are cleaned too.
            return old if element.tag in _CONTENT_NUMBERS else None
        if scope.is_dummy and element.tag not in _CODE_PARTS:
            return self.dummy(element.tag, vr, old, scope)
        return self._text(vr, old, scope, is_free=True)

    def _is_born(self, tag: int, vr: str, old: bytes) -> bool:
        """Whether a date is that of the birth, which tells of no course (PS3.15 section E.3.6).

        Dates of group 0008 are those of examinations: of a newborn, they may be the same day.
        """
        if vr == "TM" or tag >> 16 == _EXAMINATIONS or self._is_kept_by_site(tag):
            return False
        days = (part.translate(None, b" .-\0")[:8] for part in old.split(b"\\"))
        return any(day.decode("latin-1") in self._context.identity.dates for day in days)

    def _moved(self, tag: int, vr: str, old: bytes) -> bytes | None:
        patient = self._context.patient
        if values.SHAPES[vr].fullmatch(old) is None or self._is_born(tag, vr, old):
            return None
        if patient.keeps_dates or vr == "TM":
            return old
        days = patient.days
        if days is None:
            return None
        move = shift_da if vr == "DA" else shift_dt
        moved = []
        for part in old.decode("ascii").split("\\"):
            text = part.strip(" \0")
            new = move(text, days) if text else ""
            if new is None:
                return None
            moved.append(new)
        return "\\".join(moved).encode()

    # -- K ------------------------------------------------------------------------------------

    def keep(self, element: Element, vr: str, old: bytes, scope: Scope) -> bytes | None:
        """Return a value that may stay, without what is known of the patient."""
        tag = element.tag
        if vr not in values.TEXT_VRS:
            return self._binary(element, vr, old, scope)
        if element.vr and element.vr not in values.TEXT_VRS and element.vr != "UN":
            return None  # a text attribute that the file calls a number
        is_said = tag in _CONTENT_NUMBERS or vr in _FREE_TEXT
        if scope.is_dummy and is_said and tag not in _CODE_PARTS:
            return self.dummy(tag, vr, old, scope)
        if tag == _OFFSET_FROM_UTC:
            return old if _OFFSET.fullmatch(old) else None
        if vr in values.SHAPES:
            return self._shaped(tag, vr, old, scope)
        is_public = _is_public(tag, old, scope)
        if is_public and tag in codes.VALUES | {codes.SCHEME}:
            is_known = tag != codes.SCHEME and self._context.identity.is_coded(
                old.decode("latin-1")
            )
            return None if is_known else old
        if tag in technical() and tag not in codes.VALUES and not self._is_kept_by_site(tag):
            return self._text(vr, old, scope, is_free=False, is_technical=True)
        is_free = not scope.is_retained and not is_public
        return self._text(vr, old, scope, is_free=is_free)

    def keep_private(self, element: Element, vr: str, old: bytes, scope: Scope) -> bytes | None:
        """Return a value of PS3.15 Table E.3.10-1, as `keep` does, without words of anybody."""
        if vr in _FREE_TEXT:
            is_long = vr in _LONG_TEXT
            return self._text(vr, old, scope, is_free=is_long, is_technical=not is_long)
        if vr == "CS" and not all(map(is_term, old.decode("latin-1").rstrip(" \0").split("\\"))):
            return None
        if vr not in values.TEXT_VRS and binary.holds_words(old):
            return None
        return self.keep(element, vr, old, scope)

    def _is_kept_by_site(self, tag: int) -> bool:
        return tag in self._context.rules.profile.rules.actions

    def _shaped(self, tag: int, vr: str, old: bytes, scope: Scope) -> bytes | None:
        if tag == CHARACTER_SET:
            return old if charsets.is_known(old.decode("latin-1").strip(" \0")) else None
        if values.SHAPES[vr].fullmatch(old) is None:
            return self._text(vr, old, scope, is_free=True) if vr == "CS" else None
        if vr in DATE_VRS and self._is_born(tag, vr, old):
            return None
        if vr == "AS":  # 45 CFR 164.514(b)(2)(i)(C)
            return b"090Y" if old[3:4] == b"Y" and int(old[:3]) > _OLDEST else old
        if vr == "CS":
            return self._codes(tag, old)
        if vr == "UI" and tag in DEFINITIONS:
            return self._definitions(old)
        is_number = vr in ("IS", "DS") and len(old) >= _FEW_DIGITS
        return None if is_number and self._numbers_tell(old, scope) else old

    def _numbers_tell(self, old: bytes, scope: Scope) -> bool:
        """Whether numbers in text are a date or an identifier, alone or as they follow."""
        parts = old.decode("ascii").strip(" \0").split("\\")
        whole = [binary.whole_number(part) for part in parts]
        if any(map(self._tells, parts)) or any(map(self._tells, whole)):
            return True
        return any(self._is_key(digits, scope) for digits in whole) or self._is_split(old)

    def _definitions(self, old: bytes) -> bytes:
        """Return UIDs of definitions; those that nobody has published are mapped like any other."""
        if Option.RETAIN_UIDS in self._context.rules.profile.options:
            return old
        accepted = self._context.rules.profile.rules.accept_sop_classes
        uids = old.decode("ascii").rstrip(" \0").split("\\")
        if all(publicuids.is_public(uid) or uid in accepted or not uid for uid in uids):
            return old
        return self.new_uids(old)

    def _is_key(self, digits: str, scope: Scope) -> bool:
        """Whether a whole number is an identifier.

        Short ones count at the top only: elsewhere a measured value may be one by chance.
        """
        if len(digits) < _MANY_DIGITS and (not digits or scope.depth):
            return False
        return digits in self._context.identity.compacts

    def _is_split(self, old: bytes) -> bool:
        """Whether numbers, written one after the other without points, are an identifier."""
        digits = old.translate(None, b" .\\\0").decode("ascii")
        return len(digits) >= _ALL_DIGITS and digits in self._context.identity.compacts

    def _codes(self, tag: int, old: bytes) -> bytes | None:
        """Return CS values; those that name the patient, a date or nothing known become `OTHER`."""
        # what an option or a site keeps is not reduced to known words
        is_asked = find_row(tag) is not None or self._is_kept_by_site(tag)
        parts = [part.strip(" \0") for part in old.decode("ascii").split("\\")]
        kept = [
            self._other(tag, part) if self._identifies(part, is_asked=is_asked) else part
            for part in parts
        ]
        if kept == parts:
            is_split = len(parts) > 1 and self._names_patient("".join(parts))
            if not is_split or any(map(self._names_patient, parts)):
                return old
            words = vocabulary()
            kept = [part if fold(part) in words else self._other(tag, part) for part in parts]
        return None if kept == ["OTHER"] else "\\".join(kept).encode()

    def _other(self, tag: int, code: str) -> str:
        """Return what stands for a code."""
        if tag != _LAYER:
            return "OTHER"
        keyed = self._context.keyed.pseudonym(f"layer {code}")
        return f"LAYER_{keyed[-_LAYER_LENGTH:]}"

    def _identifies(self, code: str, *, is_asked: bool) -> bool:
        """Whether a code names the patient or a date, or is made of words that nobody knows."""
        return (
            not (is_asked or is_term(code))
            or self._names_patient(code)
            or self._tells(code)
            or self._is_dated(code)
        )

    def _names_patient(self, text: str) -> bool:
        """Whether a code has a known value that is no word of the standard."""
        if not self._context.identity.is_known(text):
            return False
        spans = self._context.identity.spans(text)
        return any(fold(text[start:stop]) not in vocabulary() for start, stop in spans)

    def _tells(self, text: str) -> bool:
        """Whether a number is a date, or one of the identifiers."""
        if len(text) < _MANY_DIGITS or not _NUMBER.search(text):
            return False
        return self._is_dated(text) or any(
            stop - start >= _MANY_DIGITS for start, stop in self._context.identity.spans(text)
        )

    def _is_dated(self, text: str) -> bool:
        return self._context.cleaner.dates.replace(text) != text

    def _binary(self, element: Element, vr: str, old: bytes, scope: Scope) -> bytes | None:
        if element.vr in values.TEXT_VRS:
            return None
        if element.tag in _CONTENT_NUMBERS and scope.is_dummy:
            return bytes(len(old))
        if element.tag == _ENCAPSULATED_LENGTH:
            return len(self._blank_document(scope)).to_bytes(4, "little")
        if element.tag == _ICC_PROFILE:
            blank = icc.blank_texts(old)
            is_bad = blank is None or self._context.identity.is_in(blank)
            return icc.srgb() if is_bad and old.strip(b"\0") else blank
        if len(old) % values.WIDTHS.get(vr, 1) or self._is_misused(element, vr, old):
            return None
        # in numbers, a short value would be found by chance
        shortest = 1 if values.WIDTHS.get(element.vr or vr, 1) == 1 else _SHORTEST_IN_NUMBERS
        is_searched = _SHORTEST_IN_NUMBERS <= len(old) <= _MAX_SEARCHED
        if is_searched and self._context.identity.is_in(old, shortest=shortest):
            return None
        return old

    def _is_misused(self, element: Element, vr: str, old: bytes) -> bool:
        """Whether numbers are more than there may be, or are text, or an identifier."""
        most = binary.longest(element.tag, element.vr)
        if most is not None and len(old) > most:
            return True
        width = values.WIDTHS.get(element.vr or vr, 1)
        if binary.is_file(old) or (len(old) <= _MAX_SEARCHED and binary.is_text(old, width=width)):
            return True
        identity = self._context.identity
        return any(binary.holds_number(identity, named, old) for named in {element.vr, vr})

    def _text(
        self, vr: str, old: bytes, scope: Scope, *, is_free: bool, is_technical: bool = False
    ) -> bytes | None:
        raw = old.rstrip(b" \0")
        if not raw:
            return b""
        if len(raw) > values.MAX_TEXT:
            return None
        charset = scope.charset if vr in values.CHARSET_VRS else ""
        text = charsets.decode(raw, charset)
        plain = without_controls(text)
        if not raw.isascii() and not charsets.is_known(charset):
            plain = plain.encode("ascii", "ignore").decode("ascii")
        cleaner = self._context.cleaner
        if not raw.isascii() and self._is_known_otherwise(raw):
            return None
        if any(self._context.identity.is_known(decoded) for decoded in iter_decoded(plain)):
            return None
        cleaned = cleaner.allow(plain) if is_free else cleaner.scrub(plain)
        if is_technical:
            cleaned = technical_text(cleaned)
        if cleaned == text:
            return old
        if not any(character.isalnum() for character in cleaned):
            return None
        return charsets.encode(cleaned, charset)

    def _is_known_otherwise(self, raw: bytes) -> bool:
        """Whether text read by another character set than its own has a known value."""
        for codec in ("utf-8", "latin-1"):
            try:
                text = raw.decode(codec)
            except UnicodeDecodeError:
                continue
            foreign = [text[start:stop] for start, stop in self._context.identity.spans(text)]
            if not all(map(str.isascii, foreign)):
                return True
        return False


def _is_public(tag: int, old: bytes, scope: Scope) -> bool:
    """Whether text is no code, or a code or coding scheme of the public."""
    text = old.decode("latin-1").strip(" \0")
    if tag in codes.VALUES:
        return codes.is_public(scope.scheme, text)
    return tag != codes.SCHEME or codes.is_scheme(text)

"""One element de-identified: what its rule asks for, in bytes."""

from __future__ import annotations

from typing import Final

from emixcli.deid import charsets, documents, icc, values
from emixcli.deid import private as pv
from emixcli.deid.dates import shift_da, shift_dt
from emixcli.deid.identity import fold
from emixcli.deid.iods import types_in
from emixcli.deid.options import Option
from emixcli.deid.parse import Element, encode, encode_item, iter_elements, iter_items, vr_of
from emixcli.deid.rules import CHARACTER_SET, DATE_VRS, resolve
from emixcli.deid.scope import CONTENT, GRAPHICS, Context, Scope
from emixcli.deid.tables import vocabulary
from emixcli.deid.text import without_controls

PATIENT_NAME: Final = 0x00100010
PATIENT_ID: Final = 0x00100020
_AGE: Final = 0x00101010
_ENCAPSULATED: Final = 0x00420011
_ENCAPSULATED_LENGTH: Final = 0x00420015
_ICC_PROFILE: Final = 0x00282000
_OFFSET_FROM_UTC: Final = 0x00080201
#: Coded persons and institutions: their codes are identifiers (PS3.3 section 10.1).
_CODED_IDENTITIES: Final = frozenset({0x00401101, 0x00080082})
#: Measured, drawn or said: dummies in content that is not cleaned (PS3.15 sections E.3.3, E.3.4).
_CONTENT_NUMBERS: Final = frozenset({0x0040A30A, 0x0040A161, 0x0040A162, 0x0040A163, 0x00700022})
_CODE_PARTS: Final = frozenset({0x00080100, 0x00080119, 0x00080120, 0x00080102, 0x00080103,
                                0x00080104})  # fmt: skip
_OLDEST: Final = 89
_MAX_SEARCHED: Final = 1 << 20
_FREE_TEXT: Final = frozenset({"LO", "LT", "SH", "ST", "UC", "UT", "PN", "AE"})


class Renderer:
    """Treats the elements of one object.

    Parameters
    ----------
    context
        What they share.

    Attributes
    ----------
    actions
        Tag and letter of what was done, in order.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.actions: list[tuple[int, str]] = []

    # -- data sets and items --------------------------------------------------------------------

    def items(self, data: bytes, element: Element, scope: Scope, *, is_dummy: bool) -> bytes:
        """Return the items of a sequence, each with a length."""
        # What is in UN is written as in implicit VR (PS3.5 section 6.2.2).
        explicit = scope.explicit and element.vr not in ("UN", "")
        depth = scope.depth + 1
        made = []
        for start, stop in iter_items(
            data, element.value, element.end, explicit=explicit, depth=depth
        ):
            inner = Scope(
                explicit=explicit,
                charset=scope.charset,
                types=types_in(element.tag),
                creators={},
                depth=depth,
                parent=element.tag,
                is_dummy=is_dummy,
            )
            made.append(encode_item(self.item(data, start, stop, inner)))
        return b"".join(made)

    def item(self, data: bytes, start: int, stop: int, scope: Scope) -> bytes:
        """Return the elements of an item, in the order of their tags."""
        elements = list(
            iter_elements(data, start, stop, explicit=scope.explicit, depth=scope.depth)
        )
        charset = _charset(data, elements, scope.charset)
        creators = pv.creators_of(data, elements)
        if charset != scope.charset or creators:
            scope = Scope(
                scope.explicit,
                charset,
                scope.types,
                creators,
                scope.depth,
                scope.parent,
                scope.is_dummy,
            )
        made = {}
        for element in elements:
            if element.tag not in made:  # of two with the same tag the first counts
                made[element.tag] = self.element(data, element, scope)
        return join_sorted(made)

    # -- one element ----------------------------------------------------------------------------

    def element(self, data: bytes, element: Element, scope: Scope) -> bytes:
        """Return what an element becomes; nothing where it is removed."""
        tag = element.tag
        if tag >> 16 & 1:
            return self._private(data, element, scope)
        rule = self.context.rules[tag]
        vr = vr_of(tag, element.vr)
        letter = resolve(rule.letters, scope.types.get(tag))
        if letter == "X" and len(rule.letters) == 1 and scope.types.get(tag):
            letter = "D" if scope.types[tag] == 1 else "Z"  # the IOD asks for it
        if letter == "Z" and scope.types.get(tag) == 1:
            letter = "D"
        made = self.act(letter, data, element, vr, scope)
        if made is None:  # cleaned or kept, and nothing is left
            letter = resolve(rule.basic if rule.basic != "U" else "XZD", scope.types.get(tag))
            made = self.act(letter, data, element, vr, scope) or b""
        self.actions.append((tag, letter))
        return made

    def act(
        self, letter: str, data: bytes, element: Element, vr: str, scope: Scope
    ) -> bytes | None:
        """Return the element after an action; None where it cannot be cleaned or kept."""
        if letter == "X":
            return b""
        if letter == "Z":
            return self._empty(data, element, vr, scope)
        if letter == "D":
            return self._dummy(data, element, vr, scope)
        if letter == "U":
            return self._new_uids(data, element, vr, scope)
        if vr == "SQ":
            return self._sequence(data, element, scope, letter)
        if letter == "C":
            return self._clean(data, element, vr, scope)
        return self._keep(data, element, vr, scope)

    def _write(self, element: Element, vr: str, value: bytes, scope: Scope) -> bytes:
        named = element.vr if element.vr in values.WIDTHS and vr in values.WIDTHS else vr
        return encode(element.tag, named, value, explicit=scope.explicit)

    # -- X, Z, D, U ---------------------------------------------------------------------------

    def _empty(self, data: bytes, element: Element, vr: str, scope: Scope) -> bytes:
        if element.tag in (PATIENT_NAME, PATIENT_ID):
            return self._dummy(data, element, vr, scope)
        return self._write(element, vr, b"", scope)

    def _dummy(self, data: bytes, element: Element, vr: str, scope: Scope) -> bytes:
        if vr == "SQ":
            return self._dummy_sequence(data, element, scope)
        old = data[element.value : element.end]
        if not old.strip(b" \0") and element.tag != _ENCAPSULATED:
            return self._write(element, vr, b"", scope)
        if element.tag in (PATIENT_NAME, PATIENT_ID):
            value = self._pseudonym(element.tag, old, scope).encode("ascii")
        elif element.tag == _ENCAPSULATED:
            value = documents.blank(self.context.mime_type)
        elif vr == "UI":
            value = self.new_uids(old)
        else:
            value = values.dummy(vr, old)
        return self._write(element, vr, value, scope)

    def _pseudonym(self, tag: int, old: bytes, scope: Scope) -> str:
        if scope.depth == 0 or tag == PATIENT_NAME:
            return self.context.patient.pseudonym
        text = charsets.decode(old, scope.charset).strip(" \0")
        return self.context.keyed.pseudonym(text)

    def _dummy_sequence(self, data: bytes, element: Element, scope: Scope) -> bytes:
        if element.tag in _CODED_IDENTITIES:
            explicit = scope.explicit and element.vr not in ("UN", "")
            code = (
                encode(0x00080100, "SH", b"REMOVED", explicit=explicit)
                + encode(0x00080102, "SH", b"99EMIX", explicit=explicit)
                + encode(0x00080104, "LO", b"Removed", explicit=explicit)
            )
            return self._write_items(element, encode_item(code), scope)
        is_dummy = element.tag in CONTENT | GRAPHICS or scope.is_dummy
        return self._write_items(
            element, self.items(data, element, scope, is_dummy=is_dummy), scope
        )

    @staticmethod
    def _write_items(element: Element, value: bytes, scope: Scope) -> bytes:
        vr = "UN" if element.vr in ("UN", "") and scope.explicit else "SQ"
        return encode(element.tag, vr, value, explicit=scope.explicit)

    def _new_uids(self, data: bytes, element: Element, vr: str, scope: Scope) -> bytes | None:
        if vr == "SQ":
            return self._sequence(data, element, scope, "U")
        old = data[element.value : element.end]
        return self._write(element, "UI", self.new_uids(old), scope)

    def new_uids(self, old: bytes) -> bytes:
        """Return the new value of an attribute of UIDs."""
        uids = old.decode("latin-1").split("\\")
        stripped = [uid.split("\0", 1)[0].strip() for uid in uids]
        return "\\".join(self.context.keyed.uid(uid) if uid else "" for uid in stripped).encode()

    # -- C and K ------------------------------------------------------------------------------

    def _sequence(self, data: bytes, element: Element, scope: Scope, letter: str) -> bytes | None:
        """Treat what is in a sequence; a file that calls it something else is not believed."""
        if element.vr not in ("SQ", "UN", ""):
            return None
        is_dummy = scope.is_dummy
        if letter == "C" and element.tag in CONTENT | GRAPHICS:
            is_dummy = False
        return self._write_items(
            element, self.items(data, element, scope, is_dummy=is_dummy), scope
        )

    def _clean(self, data: bytes, element: Element, vr: str, scope: Scope) -> bytes | None:
        if vr in DATE_VRS or element.tag == _OFFSET_FROM_UTC:
            return self._shift(data, element, vr, scope)
        if vr not in values.TEXT_VRS:
            return None
        if scope.is_dummy and element.tag not in _CODE_PARTS:
            return self._dummy(data, element, vr, scope)
        return self._text(data, element, vr, scope, is_free=True)

    def _shift(self, data: bytes, element: Element, vr: str, scope: Scope) -> bytes | None:
        raw = data[element.value : element.end]
        days = self.context.patient.days
        if values.SHAPES.get(vr, values.SHAPES["TM"]).fullmatch(raw) is None or (
            self.context.patient.keeps_dates or days is None
        ):
            return None
        if vr not in ("DA", "DT"):
            return self._raw(data, element, vr, scope)
        move = shift_da if vr == "DA" else shift_dt
        parts = [part.strip(" \0") for part in raw.decode("ascii").split("\\")]
        moved = [move(part, days) if part else "" for part in parts]
        if None in moved:
            return None
        return self._write(element, vr, "\\".join(filter(None, moved)).encode(), scope)

    def _keep(self, data: bytes, element: Element, vr: str, scope: Scope) -> bytes | None:
        if vr not in values.TEXT_VRS:
            return self._keep_binary(data, element, vr, scope)
        if element.vr and element.vr not in values.TEXT_VRS and element.vr != "UN":
            return None
        is_said = element.tag in _CONTENT_NUMBERS or vr in _FREE_TEXT
        if scope.is_dummy and is_said and element.tag not in _CODE_PARTS:
            return self._dummy(data, element, vr, scope)
        if vr in values.SHAPES:
            return self._keep_shaped(data, element, vr, scope)
        return self._text(data, element, vr, scope, is_free=False)

    def _keep_shaped(self, data: bytes, element: Element, vr: str, scope: Scope) -> bytes | None:
        raw = data[element.value : element.end]
        if element.tag == CHARACTER_SET:
            known = charsets.is_known(raw.decode("latin-1").strip(" \0"))
            return self._raw(data, element, vr, scope) if known else None
        if values.SHAPES[vr].fullmatch(raw) is None:
            return self._text(data, element, vr, scope, is_free=True) if vr == "CS" else None
        if element.tag == _AGE:
            return self._age(data, element, scope)
        if vr == "CS" and self._names_patient(raw):
            return None
        return self._raw(data, element, vr, scope)

    def _names_patient(self, raw: bytes) -> bool:
        text = raw.decode("latin-1")
        return any(
            fold(text[start:stop]) not in vocabulary()
            for start, stop in self.context.identity.spans(text)
        )

    def _age(self, data: bytes, element: Element, scope: Scope) -> bytes:
        raw = data[element.value : element.end]
        if raw[3:4] == b"Y" and int(raw[:3]) > _OLDEST:  # 45 CFR 164.514(b)(2)(i)(C)
            return self._write(element, "AS", b"090Y", scope)
        return self._raw(data, element, "AS", scope)

    def _keep_binary(self, data: bytes, element: Element, vr: str, scope: Scope) -> bytes | None:
        if element.vr in values.TEXT_VRS or element.is_undefined:
            return None
        value = data[element.value : element.end]
        if element.tag in _CONTENT_NUMBERS and scope.is_dummy:
            return self._write(element, vr, bytes(len(value)), scope)
        if element.tag == _ENCAPSULATED_LENGTH:
            length = len(documents.blank(self.context.mime_type))
            return self._write(element, vr, length.to_bytes(4, "little"), scope)
        if element.tag == _ICC_PROFILE:
            blank = icc.blank_texts(value)
            return None if blank is None else self._write(element, vr, blank, scope)
        if len(value) % values.WIDTHS.get(vr, 1):
            return None
        is_bulk = values.WIDTHS.get(element.vr or vr, 1) == 1
        if is_bulk and len(value) <= _MAX_SEARCHED and self.context.identity.is_in(value):
            return None
        return self._raw(data, element, vr, scope)

    def _raw(self, data: bytes, element: Element, vr: str, scope: Scope) -> bytes:
        if (element.end - element.value) & 1:
            return self._write(element, vr, data[element.value : element.end], scope)
        return data[element.start : element.stop]

    def _text(
        self, data: bytes, element: Element, vr: str, scope: Scope, *, is_free: bool
    ) -> bytes | None:
        raw = data[element.value : element.end].rstrip(b" \0")
        if not raw:
            return self._write(element, vr, b"", scope)
        text = charsets.decode(raw, scope.charset if vr in values.CHARSET_VRS else "")
        plain = without_controls(text)
        cleaner = self.context.cleaner
        cleaned = cleaner.allow(plain) if is_free else cleaner.scrub(plain)
        if cleaned == text:
            return self._raw(data, element, vr, scope)
        if not any(character.isalnum() for character in cleaned):
            return None
        return self._write(element, vr, charsets.encode(cleaned, scope.charset), scope)

    # -- private elements ----------------------------------------------------------------------

    def _private(self, data: bytes, element: Element, scope: Scope) -> bytes:
        tag = element.tag
        is_asked = Option.RETAIN_SAFE_PRIVATE in self.context.rules.profile.options
        if pv.is_creator(tag) and is_asked:
            # `join_sorted` drops it where nothing of its block is left.
            creator = scope.creators.get(tag, "")
            return encode(tag, "LO", creator.encode("latin-1"), explicit=scope.explicit)
        vr = pv.safe_vr(tag, scope.creators) if is_asked else None
        made = None if vr is None else self._safe_private(data, element, vr, scope)
        self.actions.append((tag, "K" if made else "X"))
        return made or b""

    def _safe_private(self, data: bytes, element: Element, vr: str, scope: Scope) -> bytes | None:
        if vr == "SQ":
            return self._sequence(data, element, scope, "K")
        if vr in DATE_VRS:
            patient = self.context.patient
            letter = "K" if patient.keeps_dates else "C"
            return self.act(letter, data, element, vr, scope)
        if vr == "UI" and Option.RETAIN_UIDS not in self.context.rules.profile.options:
            return self._new_uids(data, element, vr, scope)
        return self._keep(data, element, vr, scope)


def join_sorted(made: dict[int, bytes]) -> bytes:
    """Return elements in the order of their tags, without blocks that nothing is left of."""
    tags = sorted(made)
    if any(tag & 0x10000 for tag in tags):
        used = pv.used_creators(tag for tag in tags if made[tag])
        tags = [tag for tag in tags if not tag & 0x10000 or not pv.is_creator(tag) or tag in used]
    return b"".join([made[tag] for tag in tags])


def _charset(data: bytes, elements: list[Element], outer: str) -> str:
    for element in elements:
        if element.tag == CHARACTER_SET:
            return data[element.value : element.end].decode("latin-1").strip(" \0")
    return outer

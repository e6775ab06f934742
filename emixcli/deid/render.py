"""One element de-identified: what its rule asks for, in bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast, overload

from emixcli.deid import binary, codes, content, values
from emixcli.deid import private as pv
from emixcli.deid.iods import types_in
from emixcli.deid.kept import PATIENT_ID, PATIENT_NAME, Values
from emixcli.deid.longvalues import MAX_HELD, iter_parts, taken
from emixcli.deid.options import Option
from emixcli.deid.pages import LARGE, Pages, Rope, Scratch
from emixcli.deid.parse import (
    MAX_ELEMENTS,
    Data,
    Element,
    encode,
    encode_head,
    encode_item,
    item_head,
    iter_elements,
    iter_items,
    names_vrs,
    vr_of,
)
from emixcli.deid.refusal import DeidError, Reason
from emixcli.deid.rules import CHARACTER_SET, DATE_VRS, find_row
from emixcli.deid.scope import CONTENT, GRAPHICS, Context, Scope

#: Coded persons and institutions: their codes are identifiers (PS3.3 section 10.1).
_CODED_IDENTITIES: Final = frozenset({0x00401101, 0x00080082})
#: Float, Double Float and Pixel Data.
_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
#: Elements of an item that decide about others: character set, coding scheme, concept name.
_TELLING: Final = frozenset({CHARACTER_SET, codes.SCHEME, content.NAME})
#: Bytes of a sequence that is remembered, and how many are.
_MAX_REPEATED: Final = 2048
_MAX_SEQUENCES: Final = 1000
#: No element fits into so many bytes behind a value.
_LONGEST_SHORT: Final = 8

#: Longer results wait in a file while a large item is treated.
_SHORT: Final = 512

#: Elements or items that were made.
Content = bytes | Rope
#: Returns what is left of a value: cleans or keeps it.
Treat = Callable[[Element, str, bytes, Scope], bytes | None]


class Renderer:
    """Treats the elements of one object.

    Parameters
    ----------
    context
        What they share.
    scratch
        Where what is made of large elements waits.

    Attributes
    ----------
    actions
        How often what was done: by tag and letter.
    """

    def __init__(self, context: Context, scratch: Scratch) -> None:
        self.context = context
        self._scratch = scratch
        self._is_kept = False  # the last value that was treated
        self._values = Values(context)
        self.actions: dict[tuple[int, str], int] = {}
        self._repeated: dict[tuple[object, ...], tuple[Content, dict[tuple[int, str], int]]] = {}

    def top(self, data: Data, element: Element, scope: Scope) -> Content:
        """Return what an element of a data set becomes; that of a large one waits in a file."""
        made = self.element(data, element, scope)
        if isinstance(data, bytes):
            return made
        data.forget()
        return self._put(made) if len(made) > _SHORT else made

    # -- data sets and items --------------------------------------------------------------------

    def items(self, data: Data, element: Element, scope: Scope, *, is_dummy: bool) -> Content:
        """Return the items of a sequence, each with a length."""
        inner = Scope(
            explicit=names_vrs(data, element.vr, element.value, explicit=scope.explicit),
            charset=scope.charset,
            types=types_in(element.tag),
            creators={},
            depth=scope.depth + 1,
            parent=element.tag,
            is_dummy=is_dummy,
            is_retained=scope.is_retained,
        )
        places = iter_items(
            data, element.value, element.end, explicit=inner.explicit, depth=inner.depth
        )
        if isinstance(data, bytes):
            return b"".join(
                [encode_item(self.item(data, start, stop, inner)) for start, stop in places]
            )
        made = Rope()
        for start, stop in places:
            if stop - start <= LARGE:
                raw = data[start:stop]
                made.add(self._put(encode_item(self.item(raw, 0, len(raw), inner))))
            else:
                item = self._large_item(data, start, stop, inner)
                made.add(self._put(item_head(len(item))))
                made.add(self._put(item))
        return made

    def item(self, data: bytes, start: int, stop: int, scope: Scope) -> bytes:
        """Return the elements of an item, in the order of their tags."""
        elements = list(
            iter_elements(data, start, stop, explicit=scope.explicit, depth=scope.depth)
        )
        scope = self._told(data, elements, scope)
        made: dict[int, bytes] = {}
        for element in elements:
            if element.end - element.value > _LONGEST_SHORT:
                binary.check(data, element, explicit=scope.explicit)
            if element.tag not in made:  # of two with the same tag the first counts
                made[element.tag] = self.element(data, element, scope)
        return join_sorted(made)

    def _large_item(self, data: Pages, start: int, stop: int, scope: Scope) -> Content:
        """Return the elements of an item that is not held in memory, as `item` does."""
        elements: dict[int, Element] = {}
        for element in iter_elements(data, start, stop, explicit=scope.explicit, depth=scope.depth):
            elements.setdefault(element.tag, element)
            if len(elements) > MAX_ELEMENTS:
                raise DeidError(Reason.TOO_LARGE)
        telling = [
            element
            for element in elements.values()
            if element.stop - element.start <= LARGE or self._has_items(element, scope)
        ]
        scope = self._told(data, telling, scope)
        made: dict[int, Content] = {}
        for element in elements.values():
            content: Content
            if element.stop - element.start <= LARGE:
                raw, near = taken(data, element)
                binary.check(raw, near, explicit=scope.explicit)
                content = self.element(raw, near, scope)
            else:
                content = self.element(data, element, scope)
            is_long = isinstance(content, bytes) and len(content) > _SHORT
            made[element.tag] = self._put(content) if is_long else content
        joined = join_sorted(made)
        return joined if isinstance(joined, bytes) else joined.waiting(self._scratch)

    def _put(self, content: Content) -> Rope:
        return content if isinstance(content, Rope) else Rope(self._scratch.put(content))

    def _told(self, data: Data, elements: list[Element], scope: Scope) -> Scope:
        """Return the scope with what elements of an item tell about the others."""
        tags = {element.tag for element in elements}
        if tags.isdisjoint(_TELLING) and not any(tag & 0x10000 for tag in tags):
            return scope
        is_personal = scope.parent in CONTENT and content.is_personal(
            data, elements, self.context.rules.profile.options, explicit=scope.explicit
        )
        return scope._replace(
            charset=_charset(data, elements, scope.charset),
            creators=pv.creators_of(data, elements),
            scheme=codes.scheme_of(data, elements),
            is_dummy=scope.is_dummy or is_personal,
            is_personal=is_personal,
        )

    # -- one element ----------------------------------------------------------------------------

    @overload
    def element(self, data: bytes, element: Element, scope: Scope) -> bytes: ...

    @overload
    def element(self, data: Pages, element: Element, scope: Scope) -> Content: ...

    def element(self, data: Data, element: Element, scope: Scope) -> Content:
        """Return what an element becomes; nothing where it is removed."""
        tag = element.tag
        if isinstance(data, Pages) and not self._has_items(element, scope):
            return self._long(data, element, scope)
        if tag >> 16 & 1:
            return self._private(data, element, scope)
        if scope.depth:
            return self._inner(data, element, scope)
        return self._standard(data, element, scope)

    def _has_items(self, element: Element, scope: Scope) -> bool:
        """Whether an element is treated as a sequence."""
        if element.tag >> 16 & 1:
            key = pv.key_of(element.tag, scope.creators)
            return key is not None and self.context.rules.safe_private.get(key, "")[:2] == "SQ"
        return vr_of(element.tag, element.vr) == "SQ"

    def _long(self, data: Pages, element: Element, scope: Scope) -> Content:
        """Treat a value that is not held in memory: what stays is a range of the file."""
        outer, made = self.actions, b""
        for raw, near in iter_parts(data, element):
            binary.check(raw, near, explicit=scope.explicit)
            self.actions, self._is_kept = {}, False
            made = self.element(raw, near, scope)
            if not self._is_kept:
                break
        self.actions, found = outer, self.actions
        for action, n in found.items():
            outer[action] = outer.get(action, 0) + n
        size = element.end - element.value
        if not self._is_kept or size <= MAX_HELD:
            return made
        vr = made[4:6].decode("ascii") if scope.explicit else ""
        head = encode_head(element.tag, vr, size + size % 2, explicit=scope.explicit)
        return Rope(head, data.place(element.value, element.end), bytes(size % 2))

    def _inner(self, data: Data, element: Element, scope: Scope) -> Content:
        """Treat an element of an item; sequences that occur again and again only once."""
        tag = element.tag
        if tag in _PIXELS:
            self._count(tag, "X")
            return b""  # pixels that nobody has looked at
        if scope.is_personal and tag == content.CODE:
            self._count(tag, "D")
            return self._dummy_code(data, element, scope)
        if tag == content.NAME and scope.is_dummy:
            scope = scope._replace(is_dummy=False)
        if element.vr != "SQ" or element.stop - element.start > _MAX_REPEATED:
            return self._standard(data, element, scope)
        raw = data[element.start : element.stop]
        key = (raw, scope.parent, scope.charset, scope.is_dummy, scope.is_retained)
        found = self._repeated.get(key)
        if found is None:
            outer, self.actions = self.actions, {}
            made = self._standard(data, element, scope)
            found = self._repeated[key] = (made, self.actions)
            self.actions = outer
            if len(self._repeated) > _MAX_SEQUENCES:
                self._repeated.clear()
        for action, n in found[1].items():
            self.actions[action] = self.actions.get(action, 0) + n
        return found[0]

    def _standard(self, data: Data, element: Element, scope: Scope) -> Content:
        tag = element.tag
        rule = self.context.rules[tag]
        vr = vr_of(tag, element.vr)
        kind = scope.types.get(tag, 0)
        letter = rule.actions[kind]
        if letter == "C" and scope.is_retained and find_row(tag) is None:
            letter = "K"
        made = self.act(letter, data, element, vr, scope)
        if made is None:  # cleaned or kept, and nothing is left
            letter = rule.fallbacks[kind]
            made = self.act(letter, data, element, vr, scope) or b""
        self._count(tag, letter)
        return made

    def _count(self, tag: int, letter: str) -> None:
        action = (tag, letter)
        self.actions[action] = self.actions.get(action, 0) + 1

    def act(
        self, letter: str, data: Data, element: Element, vr: str, scope: Scope
    ) -> Content | None:
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
        treat = self._values.clean if letter == "C" else self._values.keep
        return self._value(treat, data, element, vr, scope)

    def _write(self, element: Element, vr: str, value: bytes, scope: Scope) -> bytes:
        named = element.vr if element.vr in values.WIDTHS and vr in values.WIDTHS else vr
        return encode(element.tag, named, value, explicit=scope.explicit)

    # -- X, Z, D, U ---------------------------------------------------------------------------

    def _empty(self, data: Data, element: Element, vr: str, scope: Scope) -> Content:
        if element.tag in (PATIENT_NAME, PATIENT_ID):
            return self._dummy(data, element, vr, scope)
        return self._write(element, vr, b"", scope)

    def _dummy(self, data: Data, element: Element, vr: str, scope: Scope) -> Content:
        if vr == "SQ":
            return self._dummy_sequence(data, element, scope)
        old = data[element.value : element.end]
        return self._write(element, vr, self._values.dummy(element.tag, vr, old, scope), scope)

    def _dummy_sequence(self, data: Data, element: Element, scope: Scope) -> Content:
        if element.tag in _CODED_IDENTITIES:
            return self._dummy_code(data, element, scope)
        is_dummy = element.tag in CONTENT | GRAPHICS or scope.is_dummy
        return self._write_items(
            data, element, self.items(data, element, scope, is_dummy=is_dummy), scope
        )

    def _dummy_code(self, data: Data, element: Element, scope: Scope) -> Content:
        explicit = names_vrs(data, element.vr, element.value, explicit=scope.explicit)
        code = (
            encode(0x00080100, "SH", b"REMOVED", explicit=explicit)
            + encode(0x00080102, "SH", b"99EMIX", explicit=explicit)
            + encode(0x00080104, "LO", b"Removed", explicit=explicit)
        )
        return self._write_items(data, element, encode_item(code), scope)

    @staticmethod
    def _write_items(data: Data, element: Element, value: Content, scope: Scope) -> Content:
        has_vrs = names_vrs(data, element.vr, element.value, explicit=scope.explicit)
        vr = "SQ" if has_vrs or not scope.explicit else "UN"
        head = encode_head(element.tag, vr, len(value), explicit=scope.explicit)
        return head + value if isinstance(value, bytes) else Rope(head, value)

    def _new_uids(self, data: Data, element: Element, vr: str, scope: Scope) -> Content | None:
        if vr == "SQ":
            return self._sequence(data, element, scope, "U")
        new = self._values.new_uids(data[element.value : element.end])
        return self._write(element, "UI", new, scope)

    # -- C and K ------------------------------------------------------------------------------

    def _sequence(self, data: Data, element: Element, scope: Scope, letter: str) -> Content | None:
        """Treat what is in a sequence; a file that calls it something else is not believed."""
        if element.vr not in ("SQ", "UN", ""):
            return None
        is_cleaned = letter == "C" and element.tag in CONTENT | GRAPHICS
        is_dummy = scope.is_dummy and not is_cleaned
        is_standard = not element.tag & 0x10000
        if letter == "K" and is_standard and self.context.rules.keeps_content(element.tag):
            scope = scope._replace(is_retained=True)
        return self._write_items(
            data, element, self.items(data, element, scope, is_dummy=is_dummy), scope
        )

    def _value(
        self, treat: Treat, data: Data, element: Element, vr: str, scope: Scope
    ) -> bytes | None:
        """Return an element that is no sequence, cleaned or kept; None if nothing is left."""
        if element.is_undefined:
            return None
        old = data[element.value : element.end]
        if len(old) > values.MAX_TEXT and vr in values.TEXT_VRS - values.DECIMAL_VRS:
            return None
        new = treat(element, vr, old, scope)
        self._is_kept = new is old
        # text is written with its own VR where the file says UN
        is_named = element.vr != "UN" or vr not in values.TEXT_VRS
        has_vr = (bool(element.vr) and is_named) or not scope.explicit
        if new is old and has_vr and not len(old) & 1:
            return data[element.start : element.stop]
        return None if new is None else self._write(element, vr, new, scope)

    # -- private elements ----------------------------------------------------------------------

    def _private(self, data: Data, element: Element, scope: Scope) -> Content:
        tag = element.tag
        safe = self.context.rules.safe_private
        if pv.is_creator(tag) and safe:
            # `join_sorted` drops it where nothing of its block is left.
            creator = scope.creators.get(tag, "")
            return encode(tag, "LO", creator.encode("latin-1"), explicit=scope.explicit)
        key = pv.key_of(tag, scope.creators)
        vr = None if key is None else safe.get(key)
        is_site = key in self.context.rules.profile.rules.safe_private
        treat = self._values.keep if is_site else self._values.keep_private
        made = None if vr is None else self._safe_private(treat, data, element, vr[:2], scope)
        self._count(tag, "K" if made else "X")
        return made or b""

    def _safe_private(
        self, treat: Treat, data: Data, element: Element, vr: str, scope: Scope
    ) -> Content | None:
        if vr == "SQ":
            return self._sequence(data, element, scope, "K")
        if vr in DATE_VRS:
            patient = self.context.patient
            letter = "K" if patient.keeps_dates else "C"
            return self.act(letter, data, element, vr, scope)
        if vr == "UI" and Option.RETAIN_UIDS not in self.context.rules.profile.options:
            return self._new_uids(data, element, vr, scope)
        return self._value(treat, data, element, vr or element.vr or "UN", scope)


@overload
def join_sorted(made: dict[int, bytes]) -> bytes: ...


@overload
def join_sorted(made: dict[int, Content]) -> Content: ...


def join_sorted(made: dict[int, bytes] | dict[int, Content]) -> Content:
    """Return elements in the order of their tags, without blocks that nothing is left of."""
    tags = sorted(made)
    if any(tag & 0x10000 for tag in tags):
        used = pv.used_creators(tag for tag in tags if made[tag])
        tags = [tag for tag in tags if not tag & 0x10000 or not pv.is_creator(tag) or tag in used]
    parts = [made[tag] for tag in tags]
    try:
        return b"".join(cast("list[bytes]", parts))
    except TypeError:  # most objects are small: asking each part what it is takes longer
        return Rope(*parts)


def _charset(data: Data, elements: list[Element], outer: str) -> str:
    for element in elements:
        if element.tag == CHARACTER_SET:
            return data[element.value : element.end].decode("latin-1").strip(" \0")
    return outer

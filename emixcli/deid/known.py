"""What an element tells about who the patient is, and which of its values do not go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emixcli.deid import charsets, tables, values
from emixcli.deid.identity import BIRTH_DATE, TAGS, Known, known_of
from emixcli.deid.parse import Element, iter_elements, iter_items, names_vrs, vr_of
from emixcli.deid.private import is_creator
from emixcli.deid.rules import CHARACTER_SET, Rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.deid.parse import Data

_TELLING = frozenset({"PN", "SQ"})
#: Bytes of a value that may be text.
_MAX_TEXT = values.MAX_TEXT


def iter_known(
    data: Data, element: Element, rules: Rules, charset: str, *, explicit: bool
) -> Iterator[Known]:
    """Yield what identifies in an element and below, unless it is kept anyway."""
    walk = _Walk(is_all=False)
    for tag, vr, text in walk.texts(data, element, charset, explicit=explicit):
        if not tag >> 16 & 1 and rules[tag].letters != "K":
            yield from known_of(tag, vr, text)


def may_identify(element: Element) -> bool:
    """Whether an element, or what is in it, can tell who the patient is; quickly said."""
    tag, vr = element.tag, element.vr
    if vr in _TELLING or element.is_undefined or tag in TAGS or tag == BIRTH_DATE:
        return True
    return tables.dictionary().get(tag) in _TELLING


def iter_texts(
    data: Data, element: Element, charset: str, *, explicit: bool
) -> Iterator[tuple[int, str, str]]:
    """Yield tag, VR and decoded text of an element and all below it."""
    return _Walk(is_all=True).texts(data, element, charset, explicit=explicit)


class _Walk:
    """Goes through an element and all below it.

    Parameters
    ----------
    is_all
        Whether all text is told, or only what may identify.
    """

    def __init__(self, *, is_all: bool) -> None:
        self._is_all = is_all

    def texts(
        self, data: Data, element: Element, charset: str, *, explicit: bool, depth: int = 0
    ) -> Iterator[tuple[int, str, str]]:
        tag = element.tag
        if tag & 0x10000 and is_creator(tag):
            return
        vr = vr_of(tag, element.vr)
        is_items = vr == "SQ" or element.is_undefined or element.vr == "SQ"
        if is_items and element.vr in ("SQ", "UN", ""):
            inner = names_vrs(data, element.vr, element.value, explicit=explicit)
            yield from self._below(data, element, charset, explicit=inner, depth=depth + 1)
            return
        if not self._is_all and not may_identify(element):
            return
        is_text = vr in values.TEXT_VRS or element.vr in values.TEXT_VRS
        if not is_text or element.end - element.value > _MAX_TEXT:
            return
        raw = data[element.value : element.end]
        yield tag, vr if vr in values.TEXT_VRS else element.vr, charsets.decode(raw, charset)

    def _below(
        self, data: Data, element: Element, charset: str, *, explicit: bool, depth: int
    ) -> Iterator[tuple[int, str, str]]:
        places = iter_items(data, element.value, element.end, explicit=explicit, depth=depth)
        for start, stop in places:
            inner = charset
            for below in iter_elements(data, start, stop, explicit=explicit, depth=depth):
                if below.tag == CHARACTER_SET:
                    raw = data[below.value : min(below.end, below.value + _MAX_TEXT)]
                    inner = raw.decode("latin-1").strip(" \0")
                yield from self.texts(data, below, inner, explicit=explicit, depth=depth)

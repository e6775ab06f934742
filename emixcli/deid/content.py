"""Content items that say who somebody is, known by their concept names (PS3.16 TID 1001)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from emixcli.deid import values
from emixcli.deid.codes import SCHEME, is_public
from emixcli.deid.options import Option
from emixcli.deid.parse import iter_elements, iter_items, names_vrs

if TYPE_CHECKING:
    from emixcli.deid.parse import Data, Element

#: Concept Name Code Sequence, Concept Code Sequence.
NAME: Final = 0x0040A043
CODE: Final = 0x0040A168

#: Subject, observer, mother: names, identifiers, dates, places; specimen and container.
_WHO: Final = frozenset(
    ("DCM", code)
    for code in (
        "121008", "121009", "121010", "121013", "121016", "121017", "121022", "121023", "121024",
        "121025", "121026", "121029", "121030", "121031", "121036", "121037", "121038", "121041",
        "121121", "110190", "111700", "111706", "113870", "113871", "113872", "113877", "121018",
        "121019",
    )
)  # fmt: skip
#: Sex, age, species and breed, size and weight, pregnancy: of Retain Patient Characteristics.
_WHAT: Final = frozenset({
    ("DCM", "121032"), ("DCM", "121033"), ("DCM", "121034"), ("DCM", "121035"),
    ("LN", "8302-2"), ("LN", "29463-7"), ("LN", "8277-6"), ("LN", "11977-6"), ("LN", "11996-6"),
    ("SCT", "397669002"), ("SCT", "50373000"), ("SCT", "27113001"), ("SCT", "57312000"),
})  # fmt: skip

#: What concepts of local schemes are called that say who somebody is: seldom compiled.
_PERSONAL: Final = (
    r"(?i)insur|versicher|phone|telefon|mobile|\bfax|e-?mail|passport|licen[cs]e|social|security"
    r"|birth|geburt|address|adresse|postal|\bzip\b|account|identif|kennung"
    r"|\bids?\b|\bmrn\b|\bssn\b"
    r"|accession|\bcase (?:no|number)|(?:record|patient|visit|file|card|member|ticket|order|room)"
    r"(?:'?s)? ?(?:no|nr|number|nummer|name)|nummer$|surname"
    r"|(?:first|last|family|given|maiden) name"
)


def is_personal(
    data: Data, elements: Iterable[Element], options: frozenset[Option], *, explicit: bool
) -> bool:
    """Whether a content item says who somebody is, or what they are like.

    Parameters
    ----------
    elements
        Those of the item.
    """
    for element in elements:
        if element.tag == NAME:
            is_kept = Option.RETAIN_PATIENT_CHARACTERISTICS in options
            scheme, code, meaning = _concept(data, element, explicit=explicit)
            if (scheme, code) in _WHO or ((scheme, code) in _WHAT and not is_kept):
                return True
            return not is_public(scheme, code) and re.search(_PERSONAL, meaning) is not None
    return False


def _concept(data: Data, element: Element, *, explicit: bool) -> tuple[str, str, str]:
    """Return scheme, code and meaning of the first item of a sequence."""
    found = {0x00080100: "", SCHEME: "", 0x00080104: ""}
    inner = names_vrs(data, element.vr, element.value, explicit=explicit)
    items = iter_items(data, element.value, element.end, explicit=inner, depth=1)
    for start, stop in items:
        for part in iter_elements(data, start, stop, explicit=inner):
            if part.tag in found:
                raw = data[part.value : min(part.end, part.value + values.MAX_TEXT)]
                found[part.tag] = raw.decode("latin-1").strip(" \0")
        break
    return found[SCHEME], found[0x00080100], found[0x00080104]

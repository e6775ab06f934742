"""Coded concepts: codes of public schemes tell what is meant, others may tell who (PS3.16)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from emixcli.deid.parse import Element

#: Code Value, Long Code Value, URN Code Value.
VALUES: Final = frozenset({0x00080100, 0x00080119, 0x00080120})
SCHEME: Final = 0x00080102

_ANY: Final = r"[A-Z]{0,4}[-.:]?\d[\dA-Z]*(?:[-.]\d+)*"
#: How codes of a scheme are written (PS3.16 section 8).
_SHAPES: Final = {
    "SCT": r"\d{6,18}",
    "SRT": r"[A-Z]\d?-[\dA-F]{4,5}",
    "SNM3": r"[A-Z]\d?-[\dA-F]{4,5}",
    "DCM": r"\d{6}|[A-Z]{2,8}",
    "LN": r"\d{1,6}-\d",
    "UCUM": r"(?=.{1,12}$)(?!.*[a-z]{5})[^\s\\]*",
    "FMA": r"\d{1,6}",
    "NCIt": r"C\d{1,6}",
    "RADLEX": r"RID\d{1,6}",
    "UMLS": r"C\d{7}",
    "MDC": r"\d{1,6}",
    "IBSI": r"[A-Z\d]{4}",
    "NEU": r"\d{1,5}",
}
_PATTERNS: Final = {scheme: re.compile(shape) for scheme, shape in _SHAPES.items()}
_OTHERS: Final = re.compile(_ANY)
_OTHER_SCHEMES: Final = frozenset(
    ["ACR", "ASTM-sigpurpose", "BARI", "BI", "C4", "CD2", "DC", "I10", "I10P", "I11", "I9", "I9C",
     "ISO3166_1", "ISO639_1", "ITIS_TSN", "MAYOASRG", "MGI", "MSH", "NDC", "NYUMCCG", "PATHLEX",
     "PUBCHEM_CID", "RFC5646", "RO", "RXNORM", "UBERON", "UNS", "UPC"]
)  # fmt: skip


def is_scheme(scheme: str) -> bool:
    """Whether a Coding Scheme Designator is that of a public scheme (PS3.16 section 8)."""
    return scheme in _PATTERNS or scheme in _OTHER_SCHEMES


def is_public(scheme: str, code: str) -> bool:
    """Whether a code is written as those of a public scheme."""
    pattern = _PATTERNS.get(scheme)
    if pattern is None:
        pattern = _OTHERS if scheme in _OTHER_SCHEMES else None
    return pattern is not None and pattern.fullmatch(code) is not None


def scheme_of(data: bytes, elements: Iterable[Element]) -> str:
    """Return the Coding Scheme Designator among the elements of an item."""
    for element in elements:
        if element.tag == SCHEME:
            return data[element.value : element.end].decode("latin-1").strip(" \0")
    return ""

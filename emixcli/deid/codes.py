"""Coded concepts: codes of public schemes tell what is meant, others may tell who (PS3.16)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from emixcli.deid import tables

if TYPE_CHECKING:
    from emixcli.deid.parse import Data, Element

#: Code Value, Long Code Value, URN Code Value.
VALUES: Final = frozenset({0x00080100, 0x00080119, 0x00080120})
SCHEME: Final = 0x00080102

#: How codes of a scheme are written (PS3.16 section 8): compiled when one is met.
_SHAPES: Final = {
    "SCT": r"\d{6,18}",
    "SRT": r"[A-Z]\d?-[\dA-F]{4,5}",
    "SNM3": r"[A-Z]\d?-[\dA-F]{4,5}",
    "DCM": r"1[0-3]\d{4}",
    "LN": r"\d{1,6}-\d",
    "UCUM": r"(?=.{1,16}$)(?!(?:.*?\d){5})(?:[^\s\\{}]|\{[A-Za-z]+\})+",
    "FMA": r"\d{1,6}",
    "NCIt": r"C\d{1,6}",
    "RADLEX": r"RP?ID\d{1,6}",
    "SCPECG": r"5(?:\.\d{1,2}){1,3}(?:-\d{1,2}){1,3}",
    "UMLS": r"C\d{7}",
    "MDC": r"\d{1,6}|\d{1,2}:\d{1,5}",
    "IBSI": r"[A-Z\d]{4}",
    "NEU": r"\d{1,5}",
    "C4": r"\d{4}[\dA-Z]",
    "CD2": r"D\d{4}",
    "I10": r"[A-Z]\d[\dA-Z](?:\.[\dA-Z]{1,4})?",
    "I10P": r"[\dA-HJ-NP-Z]{3,7}",
    "I11": r"[\dA-Z]{2}\d[\dA-Z](?:\.[\dA-Z]{1,2})?",
    "I9": r"(?:V\d|E?\d{2})\d(?:\.\d{1,2})?",
    "I9C": r"(?:V\d|E?\d{2})\d(?:\.\d{1,2})?",
    "ISO3166_1": r"[A-Z]{2,3}|\d{3}",
    "ISO639_1": r"[a-z]{2}",
    "ISO639_2": r"[a-z]{3}",
    "ITIS_TSN": r"\d{1,7}",
    "MGI": r"\d{1,7}",
    "MSH": r"[CD]\d{6}(?:\d{3})?",
    "NDC": r"\d{4,5}-\d{3,4}-\d{1,2}",
    "PUBCHEM_CID": r"\d{1,9}",
    "RFC5646": r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|\d{3}))?",
    "RXNORM": r"\d{1,7}",
    "UBERON": r"\d{7}",
}
_OTHERS: Final = r"[A-Z]{0,4}[-.:]?\d(?=[^\d]*(?:\d[^\d]*){0,6}$)[\dA-Z]{0,4}(?:[-.]\d+)*"
_OTHER_SCHEMES: Final = frozenset(
    ["ACR", "ASTM-sigpurpose", "BARI", "BI", "DC", "MAYOASRG", "NYUMCCG", "PATHLEX", "RO", "UNS",
     "UPC"]
)  # fmt: skip
_UNIT_WORDS: Final = re.compile(r"\{([A-Za-z]+)\}|([A-Za-z]+)")
_LONGEST_UNIT: Final = 4
#: Multiplication and permutation of the dihedral group of ten elements, by which Verhoeff checks.
_DIHEDRAL: Final = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTATIONS: Final = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901",
    "2793806415", "7046913258",
)  # fmt: skip
_PARTITIONS: Final = frozenset({"00", "10"})


def is_scheme(scheme: str) -> bool:
    """Whether a Coding Scheme Designator is that of a public scheme (PS3.16 section 8)."""
    return scheme in _SHAPES or scheme in _OTHER_SCHEMES


def is_public(scheme: str, code: str) -> bool:
    """Whether a code is, or may be, one of a public scheme."""
    return is_shaped(scheme, code) or f"{scheme} {code}" in tables.listed_codes()


def is_shaped(scheme: str, code: str) -> bool:
    """Whether a code is written as those of a public scheme, and its check digit is right."""
    shape = _SHAPES.get(scheme)
    if shape is None:
        shape = _OTHERS if scheme in _OTHER_SCHEMES else None
    if shape is None or re.fullmatch(shape, code) is None:
        return False
    if scheme == "SCT":
        return code[-3:-1] in _PARTITIONS and _has_verhoeff(code)
    if scheme == "LN":
        return _has_luhn(code.replace("-", ""))
    return scheme != "UCUM" or _is_unit(code)


def _has_verhoeff(digits: str) -> bool:
    """Whether the last digit is the check digit of a SNOMED CT identifier."""
    check = "0"
    for index, digit in enumerate(reversed(digits)):
        check = _DIHEDRAL[int(check)][int(_PERMUTATIONS[index % 8][int(digit)])]
    return check == "0"


def _has_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of a LOINC code."""
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def _is_unit(code: str) -> bool:
    """Whether a unit is made of short symbols; annotations of words."""
    words = tables.vocabulary()
    return all(
        (bool(symbol) and (len(symbol) <= _LONGEST_UNIT)) or (symbol or note).lower() in words
        for note, symbol in _UNIT_WORDS.findall(code)
    )


def scheme_of(data: Data, elements: Iterable[Element]) -> str:
    """Return the Coding Scheme Designator among the elements of an item."""
    for element in elements:
        if element.tag == SCHEME:
            return data[element.value : element.end].decode("latin-1").strip(" \0")
    return ""

"""What becomes of the values of a report when it goes with de-identified images.

Copies are built from nothing, out of what is named here and in the modules beside this one: what is
not named does not come along. Pseudonyms, UIDs and dates are those of the images.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from emixcli.reports.subject import Subject

_NUMBER: Final = re.compile(r"[<>]?=?[+-]?\d{1,6}(?:\.\d{1,6})?", re.ASCII)
_RANGE: Final = re.compile(
    r"(?:[<>]=?)?-?\d{1,6}(?:\.\d{1,6})?(?:-\d{1,6}(?:\.\d{1,6})?)?", re.ASCII
)
_SHORT: Final = re.compile(r"[A-Z<>]{1,2}")
#: Codes of three letters of tables 0074, 0078, 0119 and 0270: three letters may be a name.
_LONGER: Final = frozenset({
    "BLB", "CUS", "CTH", "ICU", "IMM", "LAB", "MCB", "MYC", "NMS", "NMR", "NRS", "OUS", "OTH",
    "OSL", "PAR", "PAT", "PHR", "PHY", "RAD", "RUS", "VUS", "XRC", "POS", "NEG", "IND", "DET",
})  # fmt: skip
_UNIT: Final = "UCUM"
_OIDS: Final = {
    "2.16.840.1.113883.6.1": "LN", "2.16.840.1.113883.6.96": "SCT", "1.2.840.10008.2.16.4": "DCM",
    "2.16.840.1.113883.6.88": "RXNORM", "2.16.840.1.113883.6.103": "I9C",
    "2.16.840.1.113883.6.90": "I10", "2.16.840.1.113883.6.256": "RADLEX",
}  # fmt: skip
_NAMES: Final = {
    "LOINC": "LN", "SNOMED CT": "SCT", "SNOMED": "SCT", "SNOMEDCT": "SCT", "ICD-9 CM": "I9C",
    "ICD9": "I9C", "ICD10": "I10", "ICD-10": "I10", "RXNORM": "RXNORM",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Scrub:
    """How values are treated.

    Parameters
    ----------
    subject
        Patient and study as the de-identified images name them.
    accessions, study_uids
        New ones by old ones, as in the images.
    date
        Moves a date with or without time, or returns "" where dates do not stay.
    words
        Returns the words of a text that may stay.
    is_code
        Whether a code is one of a public scheme (PS3.16 section 8).
    new_uid
        Returns the UID that stands for an identifier.
    """

    subject: Subject
    accessions: Mapping[str, str]
    study_uids: Mapping[str, str]
    date: Callable[[str], str]
    words: Callable[[str], str]
    is_code: Callable[[str, str], bool]
    new_uid: Callable[[str], str]

    def accession(self, old: str) -> str:
        """Return what stands for a number of an order; "" for one that no image has."""
        return self.accessions.get(old.strip(), "")

    def code(self, value: str, text: str, scheme: str) -> tuple[str, str, str]:
        """Return code, text and scheme of a coded value: the code of a public scheme, safe words.

        Parameters
        ----------
        scheme
            As table 0396 of HL7, PS3.16 or an OID name it.
        """
        known = _OIDS.get(scheme) or _NAMES.get(scheme.upper(), scheme)
        if not (known and self.is_code(known, value)):
            value = scheme = ""
        return value, self.words(text), scheme

    def number(self, value: str) -> str:
        """Return a measured number."""
        return value if _NUMBER.fullmatch(value) else ""

    def range(self, value: str) -> str:
        """Return a range of numbers."""
        return value if _RANGE.fullmatch(value) else ""

    def unit(self, value: str) -> str:
        """Return a unit of UCUM (without annotations that are no words of the standard)."""
        return value if self.is_code(_UNIT, value) else ""


def short_code(value: str) -> str:
    """Return a code of one or two capital letters, as those of status and flags; else ""."""
    return value if _SHORT.fullmatch(value) or value in _LONGER else ""

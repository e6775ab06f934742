"""Whom a report that is made anew is about: the identifiers of a study in a package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A patient and one of the studies, as the images name them (PS3.3 C.7.1.1, C.7.2.1)."""

    name: str = ""
    id: str = ""
    issuer: str = ""
    birth_date: str = ""
    sex: str = ""
    study_uid: str = ""
    accession: str = ""
    study_id: str = ""
    study_date: str = ""
    study_time: str = ""
    referring: str = ""
    description: str = ""

    @classmethod
    def of(cls, patient: Mapping[str, Any], study: Mapping[str, Any]) -> Subject:
        """Return the subject that the index of a package describes."""
        texts = {
            **{name: patient.get(name) for name in ("name", "id", "issuer", "birth_date", "sex")},
            "study_uid": study.get("uid"),
            "accession": study.get("accession"),
            "study_id": study.get("id"),
            "study_date": study.get("date"),
            "study_time": study.get("time"),
            "referring": study.get("referring"),
            "description": study.get("description"),
        }
        return cls(**{name: str(value) for name, value in texts.items() if value})

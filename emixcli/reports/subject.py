"""Whom a report that is made anew is about: the identifiers of a study in a package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emixcli.model import Patient, Study


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

    @classmethod
    def of_images(cls, patient: Patient, study: Study) -> Subject:
        """Return the subject that images name."""
        return cls(
            name=patient.text("PatientName"),
            id=patient.text("PatientID"),
            issuer=patient.text("IssuerOfPatientID"),
            birth_date=patient.text("PatientBirthDate"),
            sex=patient.text("PatientSex"),
            study_uid=study.uid,
            accession=study.text("AccessionNumber"),
            study_id=study.text("StudyID"),
            study_date=study.text("StudyDate"),
            study_time=study.text("StudyTime"),
            referring=study.text("ReferringPhysicianName"),
            description=study.text("StudyDescription"),
        )

"""The part of a file-set that is meant: one patient, or some studies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emixcli.errors import PatientMismatchError
from emixcli.words import some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.model import FileSet, Missing, Patient


def select(
    file_set: FileSet,
    *,
    patients: Sequence[str] = (),
    studies: Sequence[str] = (),
    all_patients: bool = False,
) -> FileSet:
    """Return the file-set with only the patients and studies that are asked for.

    Parameters
    ----------
    patients
        Patient IDs, or numbers of patients as `emix scan` shows them.
    studies
        Study Instance UIDs, or numbers of studies as `emix scan` shows them.
    all_patients
        True takes everything, whoever it belongs to.

    Raises
    ------
    PatientMismatchError
        Where several patients are left and neither is chosen, or where something that was asked
        for is not on the medium.
    """
    kept = file_set.patients
    if patients:
        kept = _choose_patients(kept, patients)
    if studies:
        kept = _choose_studies(file_set.patients, kept, studies)
    if len(kept) > 1 and not all_patients and not patients:
        raise PatientMismatchError(
            f"the medium holds {len(kept)} patients ({_counts(file_set.patients, kept)})",
            hint="choose by --patient or --study, with numbers as shown by emix scan;"
            " --all-patients takes everything",
        )
    missing = _missing_of(file_set, kept, by_study=bool(studies))
    if kept == file_set.patients:
        return file_set if missing == file_set.missing else file_set._replace(missing=missing)
    size = sum(
        instance.size
        for patient in kept
        for study in patient.studies
        for series in study.series
        for instance in series.instances
    )
    return file_set._replace(patients=kept, size=size, missing=missing)


def _missing_of(
    file_set: FileSet, kept: tuple[Patient, ...], *, by_study: bool
) -> tuple[Missing, ...]:
    """Return the missing objects that may belong to the choice.

    One that names no study always may. One of a study that is wholly missing may be of any
    patient, but is of no study that was chosen.
    """
    chosen = {study.uid for patient in kept for study in patient.studies} | {""}
    found = {study.uid for study in file_set.iter_studies()}
    return tuple(
        one
        for one in file_set.missing
        if one.study_uid in chosen or not (by_study or one.study_uid in found)
    )


def _choose_patients(found: tuple[Patient, ...], wanted: Sequence[str]) -> tuple[Patient, ...]:
    chosen: set[int] = set()
    for want in wanted:
        numbers = {n for n, patient in enumerate(found) if _ids(patient) & {want.strip()}}
        if not numbers and want.strip().isdecimal() and 1 <= int(want) <= len(found):
            numbers = {int(want) - 1}
        if len(numbers) > 1:
            raise PatientMismatchError(
                f"{len(numbers)} patients on the medium have this Patient ID",
                hint="choose by number: --patient N, as shown by emix scan",
            )
        if not numbers:
            raise PatientMismatchError(
                f"a patient that was asked for is not among the {len(found)} on the medium",
                hint="emix scan lists them; --patient takes a Patient ID or a number",
            )
        chosen |= numbers
    return tuple(patient for n, patient in enumerate(found) if n in chosen)


def _ids(patient: Patient) -> set[str]:
    return {series.text("PatientID") for study in patient.studies for series in study.series} - {""}


def _choose_studies(
    found: tuple[Patient, ...], kept: tuple[Patient, ...], wanted: Sequence[str]
) -> tuple[Patient, ...]:
    numbered = dict(enumerate((s for p in found for s in p.studies), 1))
    chosen: set[int] = set()  # by identity: one study UID may be under two patients
    for want in wanted:
        text = want.strip()
        matches = [study for study in numbered.values() if study.uid == text]
        if not matches and text.isdecimal() and int(text) in numbered:
            matches = [numbered[int(text)]]
        if not matches:
            raise PatientMismatchError(
                f"a study that was asked for is not among the {len(numbered)} on the medium",
                hint="emix scan lists them; --study takes a Study Instance UID or a number",
            )
        chosen |= {id(study) for study in matches}
    result = []
    for patient in kept:
        left = tuple(study for study in patient.studies if id(study) in chosen)
        if left:
            result.append(patient._replace(studies=left))
    if not result:
        raise PatientMismatchError(
            "the chosen studies belong to another patient than the chosen one",
            hint="choose by --patient or by --study, not by both; emix scan shows which is whose",
        )
    return tuple(result)


def _counts(found: tuple[Patient, ...], kept: tuple[Patient, ...]) -> str:
    """Return `1: 2 studies, 2: 1 study`: our numbers and counts, no names."""
    numbers = {patient.key: n for n, patient in enumerate(found, 1)}
    return ", ".join(f"{numbers[p.key]}: {some(len(p.studies), 'study')}" for p in kept)

"""What a scan found, for people and for scripts.

Shows patients' names: only for a command whose purpose is to show them.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

from emixcli.model import Severity
from emixcli.validate.codes import TYPES
from emixcli.validate.places import number_of, ranges
from emixcli.words import noun, size_text, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.model import FileSet, Finding, Instance, Patient, Series, Study

_MAX_LISTED = 20


def count_all(file_set: FileSet) -> dict[str, int]:
    """Return the counts of DESIGN 5.1: files, patients, studies, series, instances and the rest."""
    return {
        "files": file_set.n_files,
        "patients": len(file_set.patients),
        "studies": sum(1 for _ in file_set.iter_studies()),
        "series": sum(1 for _ in file_set.iter_series()),
        "instances": sum(len(series.instances) for series in file_set.iter_series()),
        "reports": len(file_set.documents),
        "other": file_set.n_other,
        "unreadable": len(file_set.unreadable),
    }


def scan_document(file_set: FileSet) -> dict[str, Any]:
    """Return everything that was found, as JSON schema `emix.scan/1`.

    Arrays are generators, for a writer that makes one instance at a time.
    """
    numbers = itertools.count(1)
    return {
        "schema": "emix.scan/1",
        "sources": list(file_set.sources),
        "counts": count_all(file_set),
        "size": file_set.size,
        "patients": (
            _patient_document(patient, number, numbers)
            for number, patient in enumerate(file_set.patients, 1)
        ),
        "reports": (
            {
                "source": d.source,
                "path": d.path,
                "size": d.size,
                "kind": d.kind,
                "match": {"verdict": d.verdict, "reason": d.reason},
            }
            for d in file_set.documents
        ),
        "unreadable": (
            {"source": u.source, "path": u.path, "size": u.size, "reason": u.reason}
            for u in file_set.unreadable
        ),
        "findings": (
            {
                "code": f.code,
                "severity": str(f.severity),
                "count": f.count,
                "where": f.where,
                "why": f.why,
                "next": f.next,
                "files": [{"source": source, "path": path} for source, path in f.files],
            }
            for f in file_set.findings
        ),
        "forecast": _forecast_document(file_set),
    }


def _forecast_document(file_set: FileSet) -> dict[str, Any]:
    """Return what a PACS will do with the objects."""
    return {
        "refused": len(file_set.refused),
        "objects": (
            {"source": item.source, "path": item.path, "codes": list(item.codes)}
            for item in file_set.refused
        ),
    }


def forecast_text(file_set: FileSet) -> str:
    """Return in a line which objects a PACS will not store, "" where it will store all."""
    n = len(file_set.refused)
    if not n:
        return ""
    counts = Counter(code for item in file_set.refused for code in item.codes)
    reasons = ", ".join(
        f"{count} x {TYPES[code].title} ({code})" for code, count in counts.most_common()
    )
    return f"{some(n, 'object')} will be refused by a PACS: {reasons}"


def _patient_document(patient: Patient, number: int, numbers: Iterator[int]) -> dict[str, Any]:
    return {
        "number": number,
        "name": patient.text("PatientName"),
        "id": patient.text("PatientID"),
        "issuer": patient.text("IssuerOfPatientID"),
        "birth_date": patient.text("PatientBirthDate"),
        "sex": patient.text("PatientSex"),
        "studies": (
            {
                "number": next(numbers),
                "study_instance_uid": study.uid,
                "study_id": study.text("StudyID"),
                "date": study.text("StudyDate"),
                "time": study.text("StudyTime"),
                "description": study.text("StudyDescription"),
                "accession_number": study.text("AccessionNumber"),
                "series": (_series_document(series) for series in study.series),
            }
            for study in patient.studies
        ),
    }


def _series_document(series: Series) -> dict[str, Any]:
    return {
        "series_instance_uid": series.uid,
        "series_number": _number(series.text("SeriesNumber")),
        "modality": series.text("Modality"),
        "description": series.text("SeriesDescription"),
        "body_part": series.text("BodyPartExamined"),
        "size": sum(instance.size for instance in series.instances),
        "instances": (_instance_document(instance) for instance in series.instances),
    }


def _instance_document(instance: Instance) -> dict[str, Any]:
    return {
        "sop_instance_uid": instance.text("SOPInstanceUID"),
        "sop_class_uid": instance.text("SOPClassUID"),
        "transfer_syntax_uid": instance.text("TransferSyntaxUID"),
        "instance_number": _number(instance.text("InstanceNumber")),
        "source": instance.source,
        "path": instance.path,
        "size": instance.size,
    }


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def tree_lines(file_set: FileSet) -> Iterator[str]:
    """Yield the lines of the tree that `emix scan` shows, without findings."""
    study_number = 0
    for number, patient in enumerate(file_set.patients, 1):
        yield f"patient {number}  {_patient_text(patient)}"
        for study in patient.studies:
            study_number += 1
            last = study is patient.studies[-1]
            yield f"{'└' if last else '├'}─ study {study_number}  {_study_text(study)}"
            for series in study.series:
                branch = "└" if series is study.series[-1] else "├"
                yield f"{' ' if last else '│'}  {branch}─ {_series_text(series)}"
    for document in file_set.documents[:_MAX_LISTED]:
        verdict = f"  {document.verdict}: {document.reason}" if document.reason else ""
        yield f"report  {document.kind:<6} {size_text(document.size):>9}  {document.path}{verdict}"
    yield from _rest(len(file_set.documents), "reports")
    lines = list(_missing_lines(file_set))
    yield from lines[:_MAX_LISTED]
    yield from _rest(len(lines), "series with missing objects")
    for lost in file_set.unreadable[:_MAX_LISTED]:
        yield f"unreadable  {lost.reason}: {lost.path}"
    yield from _rest(len(file_set.unreadable), "unreadable files")


def _missing_lines(file_set: FileSet) -> Iterator[str]:
    """Yield what a DICOMDIR names and no medium has, a line for each series.

    The patient is named where there are several.
    """
    names = {item.patient_name for item in file_set.missing if item.patient_name}
    names |= {patient.text("PatientName") for patient in file_set.patients}
    found: dict[tuple[str, ...], list[str]] = {}
    for item in file_set.missing:
        name = item.patient_name if len(names) > 1 else ""
        key = (item.study_uid, item.series_uid, item.series_number, name,
               date_text(item.study_date), item.study_description)  # fmt: skip
        found.setdefault(key, []).append(item.instance_number)
    for (_, _, series, name, date, text), numbers in found.items():
        known = sorted({n for number in numbers if (n := number_of(number)) is not None})
        words = (
            f"{noun(len(known), 'image')} {ranges(known)}"
            if known
            else some(len(numbers), "object")
        )
        where = ", ".join(filter(None, (name, date, text, f"series {series or 'without number'}")))
        yield f"missing  {where}: {words}"


def plan_lines(file_set: FileSet) -> Iterator[str]:
    """Yield whom and what a plan is about: patients, and their studies with modalities."""
    for patient in file_set.patients[:_MAX_LISTED]:
        yield _patient_text(patient)
        for study in patient.studies[:_MAX_LISTED]:
            modalities = dict.fromkeys(series.text("Modality") for series in study.series)
            n_images = sum(len(series.instances) for series in study.series)
            parts = [
                date_text(study.text("StudyDate")) or "(no date)",
                study.text("StudyDescription") or "(no description)",
                ", ".join(filter(None, modalities)),
                f"{len(study.series)} series, {some(n_images, 'image')}",
            ]
            yield "  " + "  ".join(part for part in parts if part)
        yield from _rest(len(patient.studies), "studies")
    yield from _rest(len(file_set.patients), "patients")


def patient_title(file_set: FileSet) -> str:
    """Return in a few words whose images these are: a name, or how many patients."""
    if len(file_set.patients) != 1:
        return f"{len(file_set.patients)} patients"
    patient = file_set.patients[0]
    name = patient.text("PatientName") or f"the patient with id {patient.text('PatientID')}"
    return name.replace("\n", " ")[:64]


def count_missing(file_set: FileSet) -> int:
    """Return how many objects a DICOMDIR names that are on none of the media."""
    return sum(finding.count for finding in file_set.findings if finding.code == "D02")


def _rest(n: int, word: str) -> Iterator[str]:
    if n > _MAX_LISTED:
        yield f"… and {n - _MAX_LISTED} more {word}"


def _patient_text(patient: Patient) -> str:
    name = patient.text("PatientName") or "(no name)"
    parts = [name, f"id {patient.text('PatientID') or '(none)'}"]
    if birth := patient.text("PatientBirthDate"):
        parts.append(f"born {date_text(birth)}")
    return "  ".join([*parts, patient.text("PatientSex")]).rstrip()


def _study_text(study: Study) -> str:
    parts = [date_text(study.text("StudyDate")) or "(no date)", study.text("StudyDescription")]
    if accession := study.text("AccessionNumber"):
        parts.append(f"accession {accession}")
    return "  ".join(part for part in parts if part)


def _series_text(series: Series) -> str:
    size = size_text(sum(instance.size for instance in series.instances))
    parts = [
        f"series {series.text('SeriesNumber') or '-'}",
        series.text("Modality"),
        series.text("SeriesDescription"),
        some(len(series.instances), "instance"),
        size,
    ]
    return "  ".join(part for part in parts if part)


def date_text(text: str) -> str:
    """Return a DA value as 2024-05-31, other text as it is."""
    if len(text) == 8 and text.isdecimal():
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text


def summary(file_set: FileSet) -> str:
    """Return the last line of the tree: counts of everything."""
    counts = count_all(file_set)
    words = ", ".join(f"{n} {name if n != 1 else _one(name)}" for name, n in counts.items())
    return f"{words}; {size_text(file_set.size)} of DICOM"


def _one(name: str) -> str:
    singular = {
        "studies": "study",
        "series": "series",
        "other": "other",
        "unreadable": "unreadable",
    }
    return singular.get(name, name.removesuffix("s"))


def finding_rows(file_set: FileSet, *, strict: bool) -> list[tuple[str, ...]]:
    """Return the rows of the table of findings; notes only when `strict`."""
    return [
        (f.code, str(f.severity), str(f.count), f.why, _where(f), f.next)
        for f in file_set.findings
        if strict or f.severity != Severity.NOTE
    ]


def _where(finding: Finding) -> str:
    """Return where, with the names of files in place of their numbers."""
    if not finding.files:
        return finding.where
    names = [path.replace("\n", " ") for _, path in finding.files]
    others = [part for part in finding.where.split("; ") if part.startswith(("series", "study"))]
    rest = finding.count - len(names) if not others else 0
    return "; ".join([*names, *others, f"and {rest} more"] if rest > 0 else [*names, *others])

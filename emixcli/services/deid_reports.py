"""Reports beside de-identified images: refused, or copies without what identifies.

Pseudonyms, UIDs and the shift of dates are those that the new images have, so that a copy can be
told to belong to them. After a copy is made, all that is known of the patient from images and
report is searched for in it, in every spelling and encoding; one that holds any of it stays here.
"""

from __future__ import annotations

import base64
import binascii
import enum
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emixcli.anonymize import Option
from emixcli.container.layout import Report
from emixcli.deid import codes
from emixcli.deid.dates import shift_dt
from emixcli.deid.identity import Identity, Known, known_of
from emixcli.deid.keyed import Keyed
from emixcli.deid.spellings import parse_date, plain, space, squeeze
from emixcli.deid.text import TextCleaner
from emixcli.deid.textdates import TextDates
from emixcli.deid.verify import Verifier
from emixcli.errors import DeidUnsafeError, ReportError
from emixcli.reports import identifying, reading
from emixcli.reports.attached import load_report
from emixcli.reports.inner import iter_inner, with_inner
from emixcli.reports.lines import text_lines
from emixcli.reports.matching import Level
from emixcli.reports.scrubbing import Scrub
from emixcli.reports.subject import Subject
from emixcli.services.deidentify import DeidentifyingReader, Remade, learn, place_of

if TYPE_CHECKING:
    from pathlib import Path

    from emixcli.deid.evidence import Evidence
    from emixcli.deid.needles import Hit
    from emixcli.model import FileSet, Patient
    from emixcli.services.deidentify import Deidentification, Reader


class Mode(enum.StrEnum):
    """How reports go along."""

    STRUCTURED = "structured"
    REVIEWED = "reviewed"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What to do with reports.

    Parameters
    ----------
    reviewer
        Who has read the text that is left of them.
    approve
        Is given that text; raises where the reviewer does not let it go.
    """

    mode: Mode
    reviewer: str = ""
    approve: Callable[[bytes], None] = lambda _: None


def structured() -> Policy:
    """Return the policy that needs nobody: codes and numbers only."""
    return Policy(mode=Mode.STRUCTURED)


class Copies(NamedTuple):
    """Copies of reports, and what the index of the package says of them."""

    reports: tuple[Report, ...]
    record: dict[str, Any]


_TRIES: Final = 3
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]{12,}={0,2}")
#: Labels of what says who somebody is, as readable forms have them.
_WHO: Final = frozenset({
    "Patient", "Identifier", "Born", "Sex", "Accession", "Ordered by", "Read by", "Author",
    "Signed by", "Kept by", "For",
})  # fmt: skip
_HEAD: Final = "Text of a report, without what identifies the patient."


def copies(
    paths: Sequence[Path],
    policy: Policy,
    *,
    old: FileSet,
    new: FileSet,
    media: Reader,
    how: Deidentification,
) -> Copies:
    """Return copies of reports that may go along with de-identified images.

    Parameters
    ----------
    old, new
        The images before and after; `media` opens them as they were.

    Raises
    ------
    PatientMismatchError
        A report is, or may be, of another patient.
    ReportError
        One cannot be read, or nothing of it is left.
    DeidUnsafeError
        One cannot be made safe.
    """
    workers: dict[int, _Worker] = {}
    reports = []
    for place, path in enumerate(paths, 1):
        loaded = load_report(path)
        kind = loaded.kind
        data = _bytes_of(path, loaded)
        read = reading.load(data, kind)
        number = _number_of(old.patients, read, place)
        if number not in workers:
            workers[number] = _Worker(old.patients[number], new, media, how)
        made = workers[number].copy(data, kind, read, policy.mode)
        kind = "text" if policy.mode == Mode.REVIEWED else kind
        reports.append(Report(path, len(made), kind, made))
    if policy.mode == Mode.REVIEWED:
        policy.approve(b"".join(report.data or b"" for report in reports))
    record: dict[str, Any] = {"how": str(policy.mode), "count": len(reports)}
    if policy.reviewer:
        record["reviewer"] = policy.reviewer
    return Copies(tuple(reports), record)


def _bytes_of(path: Path, report: Report) -> bytes:
    """Return the whole of a report, which has a limit."""
    data = reading.whole_file(lambda: path.open("rb"), report)
    if data is None:
        raise ReportError(
            "a report cannot be read, or is too large to be", hint="leave the report out"
        )
    return data


def _number_of(patients: Sequence[Patient], read: reading.Reading, place: int) -> int:
    """Return which patient the report at a place is of, by what it says as it was given."""
    verdict = reading.judge(patients, read)
    if verdict.level == Level.BLOCK:
        raise reading.mismatch([verdict], which=f"--report number {place}")
    if len(patients) == 1:
        return 0
    sure = [
        number
        for number, patient in enumerate(patients)
        if reading.judge([patient], read).level == Level.MATCH
    ]
    if len(sure) != 1:
        raise DeidUnsafeError(
            "a report does not say to which of several patients it belongs",
            hint="choose one with --patient",
        )
    return sure[0]


class _Worker:
    """Makes copies of the reports of one patient."""

    def __init__(
        self, patient: Patient, new: FileSet, media: Reader, how: Deidentification
    ) -> None:
        self._options = how.profile.options
        self._keyed = Keyed(how.key or b"", how.profile.rules.max_shift_days)
        self._verifier = _learned(patient, media, how)
        self._patient = patient
        self._pairs = list(_pairs(patient, new))
        if not self._pairs:
            raise DeidUnsafeError(
                "no image of the patient of a report is left", hint="leave the report out"
            )
        self._known = list(_known_of_images(patient))
        self._birth = patient.text("PatientBirthDate")

    def copy(self, data: bytes, kind: str, read: reading.Reading, mode: Mode) -> bytes:
        """Return a copy in which nothing is found that is known of the patient."""
        values = list(identifying.iter_identifying(data, kind))
        for one in iter_inner(read):
            values += identifying.iter_identifying(one.data, one.kind) if one.reading else ()
        self._verifier.add(values)
        found = [known for value in values for known in known_of(*value)]
        words: set[str] = set()
        for _ in range(_TRIES):
            cleaner = self._cleaner([*found, *(Known("found", word) for word in words)])
            made = (
                self._structured(data, read, kind, cleaner)
                if mode == Mode.STRUCTURED
                else _text(read, kind, cleaner)
            )
            hits = list(iter_hits(self._verifier.evidence, made))
            if not hits:
                return made
            words |= {hit.text for hit in hits}
        kinds = ", ".join(sorted({str(hit.kind) for hit in hits}))
        raise DeidUnsafeError(
            f"a copy of a report still holds {len(hits)} known values ({kinds}): it stays here",
            hint="leave the report out",
        )

    def _structured(
        self, data: bytes, read: reading.Reading, kind: str, cleaner: TextCleaner
    ) -> bytes:
        from emixcli.reports import scrub_ccr, scrub_cda, scrub_hl7

        scrub = {"hl7v2": scrub_hl7.scrub, "cda": scrub_cda.scrub, "ccr": scrub_ccr.scrub}.get(kind)
        if scrub is None:
            raise ReportError(
                "a report is not structured: all of it is free text",
                hint="HL7 v2, CDA and CCR are; others need --reports reviewed",
            )
        return scrub(data, self._scrub(self._subject_of(read), cleaner))

    def _subject_of(self, read: reading.Reading) -> Subject:
        """Return patient and study that a report is about; no study where it names another."""
        uids = {uid for one in read.identities for uid in one.study_uids}
        accessions = {text for one in read.identities for text in one.accessions}
        named = [
            new
            for old, new in self._pairs
            if old.study_uid in uids or (old.accession and old.accession in accessions)
        ]
        if not named and len(self._pairs) == 1 and not uids | accessions:
            named = [new for _, new in self._pairs]
        if len(named) == 1:
            return named[0]
        one = self._pairs[0][1]
        return Subject(
            name=one.name, id=one.id, issuer=one.issuer, birth_date=one.birth_date, sex=one.sex
        )

    def _scrub(self, subject: Subject, cleaner: TextCleaner) -> Scrub:
        return Scrub(
            subject=subject,
            accessions={old.accession: new.accession for old, new in self._pairs if old.accession},
            study_uids={old.study_uid: new.study_uid for old, new in self._pairs},
            date=self._date,
            words=cleaner.allow,
            is_code=codes.is_public,
            new_uid=lambda text: self._keyed.uid(f"report\0{text}"),
        )

    def _cleaner(self, more: Iterable[Known]) -> TextCleaner:
        keeps = Option.RETAIN_FULL_DATES in self._options
        birth = self._birth if len(self._birth) == 8 and self._birth.isdigit() else ""
        map_uid = None if Option.RETAIN_UIDS in self._options else self._keyed.uid
        return TextCleaner(
            Identity([*self._known, *more]), map_uid, TextDates(self._days, keeps, birth)
        )

    @property
    def _days(self) -> int | None:
        """By how many days the images' dates have moved; None where dates went."""
        if Option.RETAIN_MODIFIED_DATES not in self._options:
            return None
        for old, new in self._pairs:
            before, after = parse_date(old.study_date), parse_date(new.study_date)
            if before and after:
                return (after - before).days
        return None

    def _date(self, value: str) -> str:
        """Return a date as the images' dates are treated; birth dates go in any case."""
        if value[:8] == self._birth:
            return ""
        days = 0 if Option.RETAIN_FULL_DATES in self._options else self._days
        return "" if days is None else shift_dt(value, days) or ""


def _learned(patient: Patient, media: Reader, how: Deidentification) -> Verifier:
    """Return what looks for all that stood in the images of a patient.

    Raises
    ------
    DeidUnsafeError
        An image cannot be read, so nobody knows all that is to be looked for.
    """
    keyed = Keyed(how.key or b"", how.profile.rules.max_shift_days)
    verifier = Verifier(how.profile, ours=keyed.is_own)
    outputs = Remade(media, DeidentifyingReader(media, how))
    instances = (
        instance for study in patient.studies for one in study.series for instance in one.instances
    )
    for instance in instances:
        if not learn(instance, verifier, outputs, how):
            raise DeidUnsafeError(
                "an image cannot be read, so a report of its patient cannot be held against it",
                hint="leave the report out",
            )
    return verifier


def _pairs(patient: Patient, new: FileSet) -> Iterator[tuple[Subject, Subject]]:
    """Yield each study of a patient as it was and as it is now."""
    places = {
        place_of(instance): (after, study)
        for after in new.patients
        for study in after.studies
        for series in study.series
        for instance in series.instances
    }
    for study in patient.studies:
        found = next(
            (
                places[place_of(instance)]
                for series in study.series
                for instance in series.instances
                if place_of(instance) in places
            ),
            None,
        )
        if found is not None:
            yield Subject.of_images(patient, study), Subject.of_images(*found)


def _known_of_images(patient: Patient) -> Iterator[Known]:
    """Yield what is known of the patient from the header of the images."""
    yield Known("name", patient.text("PatientName"))
    yield Known("key", patient.text("PatientID"))
    yield Known("date", patient.text("PatientBirthDate"))
    for study in patient.studies:
        yield Known("name", study.text("ReferringPhysicianName"))
        yield Known("key", study.text("AccessionNumber"))
        yield Known("text", study.text("InstitutionName"))


def _text(read: reading.Reading, kind: str, cleaner: TextCleaner) -> bytes:
    """Return the words of a report without what is known of the patient."""
    whole = (read, *(one.reading for one in iter_inner(read) if one.reading))
    if kind == "pdf" or not read.blocks or any(one.is_cut for one in whole):
        raise ReportError(
            "the words of a report cannot be had in full, so nobody could review them",
            hint="put its text into a file and give that",
        )
    lines = [_HEAD, ""]
    for block in with_inner(read):
        if block.kind == "facts":
            rows = tuple(row for row in block.rows if row[0] not in _WHO)
            kept = [f"{row[0]}: {' '.join(row[1:])}" for row in rows]
        else:
            kept = list(text_lines([block]))
        lines += [*(cleaner.scrub(line, is_free=True) for line in kept), ""]
    return "\n".join(lines).encode()


def iter_hits(evidence: Evidence, data: bytes) -> Iterator[Hit]:
    """Yield every known value in a copy: as text, in bytes, and in what is packed in it."""
    text = plain(data.decode("utf-8", "replace"))
    for needles, string in (
        (evidence.in_text, text), (evidence.in_squeezed, squeeze(text)),
        (evidence.in_spaced, space(text)),
    ):  # fmt: skip
        yield from needles.find(string.encode("utf-8", "replace"))
    yield from evidence.in_bytes.find(data)
    yield from evidence.in_bytes.find(data.replace(b"\0", b""))
    for match in _BASE64.finditer(data):
        try:
            inner = base64.b64decode(match.group(), validate=True)
        except (binascii.Error, ValueError):
            continue
        yield from evidence.in_bytes.find(inner.replace(b"\0", b""))

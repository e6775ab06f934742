"""The reports of a package in the form that the recipient wants."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emixcli.container.verify import iter_index_instances
from emixcli.errors import ReportError
from emixcli.reports import reading
from emixcli.reports.inner import iter_inner, with_inner
from emixcli.reports.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emixcli.package import PackageReader
    from emixcli.reports.blocks import Block
    from emixcli.reports.matching import Identity


class Form(enum.StrEnum):
    """A form of a report."""

    ORIGINAL = "original"
    PDF = "pdf"
    TEXT = "text"
    HL7 = "hl7"
    DICOM = "dicom"


class Made(NamedTuple):
    """A file that was made of a report: `name` as an entry of the package, its content."""

    entry: str
    form: Form
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class NotGiven:
    """A report that cannot be given in a form."""

    entry: str
    form: Form
    reason: str


#: What always works.
_AS_IT_IS: Final = "emix unpack without --reports-as gives the report as it is"
_NO_WORDS: Final = "the words of a PDF cannot be taken from it for certain"
_DOCUMENTS: Final = frozenset({"pdf", "rtf", "cda", "ccr"})


def iter_forms(
    package: PackageReader, forms: Sequence[Form], *, now: dt.datetime | None = None
) -> Iterator[Made | NotGiven]:
    """Yield every report of a package in each form but the original, or why there is none.

    Structured reports and documents in DICOM objects are reports too; they are DICOM as they are.

    Parameters
    ----------
    now
        When messages are built.
    """
    wanted = [form for form in dict.fromkeys(forms) if form != Form.ORIGINAL]
    if not wanted:
        return
    now = now or dt.datetime.now(dt.UTC)
    for report in chain(_iter_files(package, now), _iter_objects(package, now)):
        for form in wanted:
            try:
                made = report.make(form)
            except ReportError as error:
                yield NotGiven(report.entry, form, str(error))
                continue
            yield from (Made(report.entry, form, name, data) for name, data in made)


def _iter_files(package: PackageReader, now: dt.datetime) -> Iterator[_Report]:
    """Yield the reports beside the images."""
    found = {
        str(one.get("entry", "")): one
        for one in package.index.get("documents", ())
        if isinstance(one, dict)
    }
    for number, (entry, fields) in enumerate(found.items(), 1):
        if entry in package.manifest.entries:  # else it was lost when the package was made
            yield _Report(package, entry, fields, number, now)


def _iter_objects(package: PackageReader, now: dt.datetime) -> Iterator[_Object]:
    """Yield the DICOM objects that are reports: with words, or a document of a kind to be read."""
    number = 0
    for instance in iter_index_instances(package.index):
        entry = str(instance.get("entry", ""))
        if instance.get("kind") in ("text", "document") and entry in package.manifest.entries:
            report = _Object(package, entry, instance.get("document") or {}, number + 1, now)
            if report.is_report:
                number += 1
                yield report


class _Report:
    """One report, read once for all its forms."""

    def __init__(
        self,
        package: PackageReader,
        entry: str,
        fields: dict[str, Any],
        number: int,
        now: dt.datetime,
    ) -> None:
        self._package, self.entry, self._fields = package, entry, fields
        self._number, self._now = number, now
        self._kind = self._kind_of(fields)
        self._data = package.read(entry)
        self._read: reading.Reading | None = None

    @staticmethod
    def _kind_of(fields: dict[str, Any]) -> str:
        return str(fields.get("kind", ""))

    def make(self, form: Form) -> list[tuple[str, bytes]]:
        """Return names and contents of the files in a form.

        Raises
        ------
        ReportError
            There is none.
        """
        make = {
            Form.PDF: self._pdfs, Form.TEXT: self._text, Form.HL7: self._message,
            Form.DICOM: self._objects,
        }[form]  # fmt: skip
        return make()

    def _name(self, number: int, extension: str) -> str:
        return f"{self.entry.rpartition('.')[0]}_{number}.{extension}"

    @property
    def _reading(self) -> reading.Reading:
        if self._read is None:
            self._read = reading.load(self._data, self._kind)
        return self._read

    def _words(self) -> list[Block]:
        """Return the report with all its words, and those of the documents inside it."""
        if self._kind == "pdf":
            raise ReportError(_NO_WORDS, hint=_AS_IT_IS)
        whole = (self._reading, *(one.reading for one in iter_inner(self._reading)))
        if any(read is not None and read.is_cut for read in whole):
            raise ReportError(
                "the report is too long for its words to be given in full", hint=_AS_IT_IS
            )
        return list(with_inner(self._reading))

    def _text(self) -> list[tuple[str, bytes]]:
        from emixcli.reports.lines import text_lines

        lines = "\n".join(text_lines(self._words()))
        return [(self._name(1, "TXT"), f"{lines}\n".encode())]

    def _pdfs(self) -> list[tuple[str, bytes]]:
        """Return the report as PDF, and the PDF documents in it as they are."""
        if self._kind == "pdf":
            return [(self.entry, self._data)]
        return [
            (self._name(number, "PDF"), data) for number, (_, data) in enumerate(self._drawn(), 1)
        ]

    def _drawn(self) -> list[tuple[str, bytes]]:
        """Return title and content of each PDF."""
        from emixcli.reports.pdf_writer import make_pdf

        words = self._words()
        base = self.entry.rpartition("/")[2]
        drawn = make_pdf(words, footer=f"readable form of {base}; the original counts")
        inner = [
            (one.title or "Attached document", one.data)
            for one in iter_inner(self._reading)
            if one.data.startswith(b"%PDF-")
        ]
        return [(self._reading.title, drawn), *inner]

    def _message(self) -> list[tuple[str, bytes]]:
        from emixcli.reports.hl7_builder import Content, make_message
        from emixcli.reports.lines import text_lines

        original, kind = self._original()
        lines = [] if kind == "pdf" else list(text_lines(self._words()))
        content = Content(
            lines=[line.replace("\t", " ") for line in lines], original=original, kind=kind,
            status=self._status(),
        )  # fmt: skip
        message = make_message(
            self._subject(), content, now=self._now, is_document=kind in _DOCUMENTS
        )
        return [(self._name(1, "HL7"), message)]

    def _original(self) -> tuple[bytes, str]:
        """Return what a message carries, and its kind."""
        return self._data, self._kind

    def _status(self) -> str:
        """Return what all orders of an HL7 report say of their results; "" where they differ."""
        from emixcli.reports.hl7 import read_messages

        if self._kind != "hl7v2":
            return ""
        found = {
            order.value(25) for message in read_messages(self._data) for order in message.all("OBR")
        }
        return found.pop() if len(found) == 1 else ""

    def _objects(self) -> list[tuple[str, bytes]]:
        from emixcli.reports import encapsulated

        subject = self._subject()
        if self._kind == "cda":
            documents = [(self._reading.title, self._data, self._cda_id())]
        elif self._kind == "pdf":
            documents = [("Report", self._data, "")]
        else:
            documents = [(title, data, "") for title, data in self._drawn()]
        return [
            (
                self._name(number, "DCM"),
                encapsulated.wrap(
                    subject,
                    encapsulated.Wrapped(
                        data=data, title=title, number=100 * self._number + number, cda_id=cda_id
                    ),
                ),
            )
            for number, (title, data, cda_id) in enumerate(documents, 1)
        ]

    def _cda_id(self) -> str:
        from emixcli.reports import xmltree

        found = xmltree.parse(self._data).find("id")
        root = "" if found is None else found.get("root", "")
        if not root or found is None:
            raise ReportError(
                "the CDA document has no identifier, which a DICOM object needs", hint=_AS_IT_IS
            )
        return f"{root}^{found.get('extension', '')}".rstrip("^")

    def _subject(self) -> Subject:
        """Return patient and study that the report belongs to.

        Raises
        ------
        ReportError
            It does not say so, or does not fit: it must not be given their identifiers.
        """
        identities = self._reading.identities
        match = self._fields.get("match")
        if isinstance(match, dict) and match.get("accepted"):
            raise ReportError(
                "the report does not fit the patient of the images, whose identifiers it would get",
                hint=_AS_IT_IS,
            )
        index = self._package.index
        patients = [one for one in index["patients"] if isinstance(one, dict)]
        patient = _patient_of(patients, self._reading, is_clean=bool(index.get("deidentification")))
        studies = [one for one in patient.get("studies", ()) if isinstance(one, dict)]
        if len(studies) > 1:
            studies = [one for one in studies if _names_study(one, identities)]
        if len(studies) != 1:
            raise ReportError(
                "the report does not say to which of several studies it belongs", hint=_AS_IT_IS
            )
        return Subject.of(patient, studies[0])


class _Object(_Report):
    """A DICOM object with words, or with a document in it; its own study is that of the report."""

    @staticmethod
    def _kind_of(fields: dict[str, Any]) -> str:
        del fields
        return "dicom"

    @property
    def is_report(self) -> bool:
        """Whether it can be read, or holds a PDF; models in three dimensions are none."""
        try:
            inner = self._reading.inner
        except ReportError:
            return False
        return not inner or any(one.reading or one.data.startswith(b"%PDF-") for one in inner)

    def _name(self, number: int, extension: str) -> str:
        return f"REPORTS/D{self._number:04}_{number}.{extension}"

    def _drawn(self) -> list[tuple[str, bytes]]:
        """Return the PDF that it holds, or pages of its words."""
        found = super()._drawn() if not self._pdf_inside else []
        return found or [
            (one.title, one.data)
            for one in iter_inner(self._reading)
            if one.data.startswith(b"%PDF-")
        ]

    def _words(self) -> list[Block]:
        if self._pdf_inside:
            raise ReportError(_NO_WORDS, hint=_AS_IT_IS)
        return super()._words()

    @property
    def _pdf_inside(self) -> bool:
        return any(one.data.startswith(b"%PDF-") for one in self._reading.inner)

    def _original(self) -> tuple[bytes, str]:
        pdf = next((one for one in self._reading.inner if one.data.startswith(b"%PDF-")), None)
        return (self._data, self._kind) if pdf is None else (pdf.data, "pdf")

    def _subject(self) -> Subject:
        """Return patient and study of the place where the object stands in the package."""
        for patient in self._package.index["patients"]:
            for study in patient["studies"]:
                for series in study["series"]:
                    if any(one["entry"] == self.entry for one in series["instances"]):
                        return Subject.of(patient, study)
        raise ReportError(
            "the index does not say to which study the object belongs", hint=_AS_IT_IS
        )

    def _objects(self) -> list[tuple[str, bytes]]:
        return []


def _patient_of(
    patients: list[dict[str, Any]], read: reading.Reading, *, is_clean: bool
) -> dict[str, Any]:
    """Return the one patient whom a report is about."""
    from emixcli.reports.matching import Level

    levels = [
        reading.judge_for(_identity(patient, is_clean=is_clean), read).level
        for patient in patients
        if read.identities or read.words is not None
    ] or [Level.WARN] * len(patients)
    if len(patients) == 1:
        if read.too_large or levels[0] == Level.BLOCK:
            raise ReportError(
                "the report does not fit the patient of the images, whose identifiers it would get",
                hint=_AS_IT_IS,
            )
        return patients[0]
    sure = [
        patient for patient, level in zip(patients, levels, strict=True) if level == Level.MATCH
    ]
    if len(sure) != 1:
        raise ReportError(
            "the report does not say to which of several patients it belongs", hint=_AS_IT_IS
        )
    return sure[0]


def _identity(patient: dict[str, Any], *, is_clean: bool) -> Identity:
    """Return what the index of a package says of a patient."""
    from emixcli.reports.matching import Identifier, Identity
    from emixcli.reports.names import parse_pn

    number, issuer = str(patient.get("id", "")), str(patient.get("issuer", ""))
    studies = [one for one in patient.get("studies", ()) if isinstance(one, dict)]
    return Identity(
        names=parse_pn(str(patient.get("name", ""))),
        ids=(Identifier(number, (issuer,) if issuer else ()),) if number else (),
        birth_date=str(patient.get("birth_date", "")),
        sex=str(patient.get("sex", "")),
        accessions=tuple(str(one["accession"]) for one in studies if one.get("accession")),
        study_uids=tuple(str(one["uid"]) for one in studies if one.get("uid")),
        deidentified=is_clean,
    )


def _names_study(study: dict[str, Any], identities: tuple[Identity, ...]) -> bool:
    return any(
        study.get("uid") in identity.study_uids
        or (study.get("accession") and study["accession"] in identity.accessions)
        for identity in identities
    )

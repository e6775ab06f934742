"""The registry of findings: one stable code for each thing that can be wrong with a medium.

A code never changes its meaning or severity once released. `docs/reference/findings.md` shows this
table and is tested against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from emixcli.model import Finding, Severity


@dataclass(frozen=True, slots=True)
class FindingType:
    """What one code means.

    Attributes
    ----------
    code
        `M` medium, `F` file format, `D` DICOMDIR, `S` structure of an object, `C` consistency,
        `R` report.
    title
        A few words for a table.
    why
        What it means for the reader of the images.
    next
        What to do about it.
    """

    code: str
    severity: Severity
    title: str
    why: str
    next: str

    def found(self, count: int, where: str, files: tuple[tuple[int, str], ...] = ()) -> Finding:
        """Return a finding of this type."""
        return Finding(self.code, self.severity, count, where, self.why, self.next, files)


_BLOCK, _LOSS, _RISK, _NOTE = Severity.BLOCK, Severity.LOSS, Severity.RISK, Severity.NOTE

_TYPES: Final = (
    FindingType(
        "M01", _LOSS, "cannot be read",
        "the medium gave an error or ended while these files were read",
        "clean the disc or try another drive, then ask the sender for a new copy",
    ),
    FindingType(
        "M02", _LOSS, "image shorter than declared",
        "the disc image ends before its last file: it was not copied or downloaded whole",
        "copy the disc again",
    ),
    FindingType(
        "M03", _NOTE, "volume descriptor lost",
        "the disc's first description cannot be read; another one was used",
        "copy the disc soon: it begins to fail",
    ),
    FindingType(
        "M04", _LOSS, "directory lost",
        "a directory of the disc is damaged; files only named there may be missing",
        "copy the disc again, or ask the sender for a new one",
    ),
    FindingType(
        "M05", _RISK, "files of an earlier session",
        "the disc was written in several sessions, and the last one does not name all files; "
        "they are included",
        "ask the sender whether they were replaced or deleted on purpose",
    ),
    FindingType(
        "M06", _NOTE, "UDF only",
        "the disc has no ISO 9660 directory; older systems and viewers see nothing on it",
        "nothing: it is read all the same",
    ),
    FindingType(
        "M07", _NOTE, "raw or described image",
        "the image holds raw sectors or comes with a description; other software cannot open it",
        "nothing: it is read all the same",
    ),
    FindingType(
        "M09", _BLOCK, "encrypted",
        "the content is encrypted and was not looked at",
        "unpack it with its password first, then use the folder",
    ),
    FindingType(
        "M10", _RISK, "archive damaged or hostile",
        "entries of an archive have impossible sizes, or names that cannot be used",
        "ask the sender for a new archive",
    ),
    FindingType(
        "M13", _RISK, "archive with images",
        "an archive or disc image on the medium holds images; they are not included",
        "unpack it, and give the folder as well",
    ),
    FindingType(
        "M14", _NOTE, "one of several directories damaged",
        "a directory of the disc is damaged; another one names all files",
        "copy the disc soon: it begins to fail",
    ),
    FindingType(
        "M15", _RISK, "found without a directory",
        "no directory of the disc names these objects; they were found by their first bytes",
        "compare what was found with what the sender meant to send",
    ),
    FindingType(
        "M16", _LOSS, "archive without its directory",
        "the end of the archive is missing; what comes before was found by its own names",
        "download or copy the archive again",
    ),
    FindingType(
        "F05", _NOTE, "no preamble",
        "the file lacks the 132 bytes with which a DICOM file begins",
        "nothing: it is read all the same",
    ),
    FindingType(
        "F06", _NOTE, "no file meta information",
        "the file does not say how it is encoded; this was told from its bytes",
        "nothing: it is read all the same",
    ),
    FindingType(
        "F07", _BLOCK, "wrong transfer syntax",
        "the file is encoded differently from what it says; a PACS will not store it",
        "ask the sender to export it again",
    ),
    FindingType(
        "F09", _LOSS, "filled with zero bytes",
        "the content was lost when the medium was written or copied",
        "copy the disc again, or ask the sender for a new one",
    ),
    FindingType(
        "D01", _NOTE, "no DICOMDIR",
        "the medium has no directory of its images; all files were searched instead",
        "nothing",
    ),
    FindingType(
        "D02", _LOSS, "in DICOMDIR, not on the medium",
        "the medium's directory names files that are not there",
        "ask the sender whether there is a second disc, or for a new copy",
    ),
    FindingType(
        "D03", _NOTE, "not in DICOMDIR",
        "images that the medium's directory does not name; other software may not show them",
        "nothing: they are included",
    ),
    FindingType(
        "D04", _NOTE, "DICOMDIR names another folder",
        "the medium was copied without its folders or with others; files were found by their names",
        "nothing",
    ),
    FindingType(
        "D05", _NOTE, "DICOMDIR damaged",
        "the medium's directory cannot be read to its end; all files were searched instead",
        "nothing",
    ),
    FindingType(
        "D07", _BLOCK, "name leads out of the medium",
        "a link, archive entry or DICOMDIR names a file outside the medium; it was not followed",
        "copy the files meant into one folder, or ask the sender for a clean medium",
    ),
    FindingType(
        "S01", _BLOCK, "identifier missing",
        "study, series or instance UID is missing; a PACS will not store the object",
        "ask the sender to export it again",
    ),
    FindingType(
        "S04", _LOSS, "truncated",
        "the file ends inside an element: the last part of the image or header is missing",
        "copy the disc again, or ask the sender for a new one",
    ),
    FindingType(
        "S05", _LOSS, "too few pixels",
        "there are fewer pixels than rows, columns and frames say",
        "ask the sender for a new copy",
    ),
    FindingType(
        "S06", _LOSS, "compressed pixels not closed",
        "compressed pixel data has no end mark: frames may be missing",
        "compare the number of frames, or ask the sender for a new copy",
    ),
    FindingType(
        "S10", _LOSS, "sequence not closed",
        "a sequence has no end: everything behind it could not be read",
        "ask the sender to export it again",
    ),
    FindingType(
        "C01", _RISK, "several patients",
        "images of more than one patient are on the medium",
        "choose with --patient or --study",
    ),
    FindingType(
        "C02", _BLOCK, "one study, two patients",
        "images with the same study UID name different patients",
        "ask the sender which patient is right",
    ),
    FindingType(
        "C03", _NOTE, "same object twice",
        "an object is on the medium more than once, with equal content",
        "nothing: the first one is used",
    ),
    FindingType(
        "C04", _BLOCK, "same identifier, other content",
        "different objects have the same instance UID; the first one is used",
        "ask the sender which is right",
    ),
    FindingType(
        "C05", _RISK, "slices missing",
        "there are gaps between slices inside a series",
        "ask the sender whether the series is complete",
    ),
    FindingType(
        "R01", _BLOCK, "report of another patient",
        "what a report says of its patient contradicts the images",
        "leave the report out, or take it with the images that it belongs to",
    ),
    FindingType(
        "R02", _RISK, "report not surely of this patient",
        "a report says too little of its patient, or differs a little from the images",
        "read the report and make sure that it belongs to the patient",
    ),
)  # fmt: skip

TYPES: Final[dict[str, FindingType]] = {entry.code: entry for entry in _TYPES}

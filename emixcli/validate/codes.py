"""The registry of findings: one stable code for each thing that can be wrong with a medium.

A code never changes its meaning or severity once released. `docs/reference/findings.md` shows this
table and is tested against it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from emixcli.model import Finding, Severity


class FindingType(NamedTuple):
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
    refused
        Whether a PACS will not store the object itself: what the forecast counts.
    """

    code: str
    severity: Severity
    title: str
    why: str
    next: str
    refused: bool = False

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
        "M08", _BLOCK, "no file system",
        "the disc image holds no directory of any kind: it is blank, an audio disc, or was "
        "not finalised",
        "copy the disc again on the drive that wrote it, or ask the sender for a new one",
    ),
    FindingType(
        "M09", _BLOCK, "encrypted",
        "the content is encrypted and was not looked at",
        "give its password to emix salvage, then use the folder that it makes",
    ),
    FindingType(
        "M10", _RISK, "archive or disc damaged or hostile",
        "entries of an archive or disc have impossible sizes, or names that cannot be used",
        "ask the sender for a new archive or disc",
    ),
    FindingType(
        "M11", _RISK, "part of a set",
        "of whole series that the DICOMDIR names no object is on the medium: it may be one "
        "disc of several",
        "ask the sender for the other discs, and give all of them together",
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
        "the directory of the archive is missing or damaged; what there is was found by its own "
        "names",
        "download or copy the archive again",
    ),
    FindingType(
        "M17", _LOSS, "no permission",
        "the system does not let this user read these files or folders; the medium may be sound",
        "get the right to read them, or let somebody copy them who has it",
    ),
    FindingType(
        "M18", _LOSS, "content damaged",
        "the medium gives these files, and they are not what was written: an archive cannot "
        "unpack them, or their header contradicts itself",
        "copy or download the medium again, or ask the sender for a new copy",
    ),
    FindingType(
        "M19", _NOTE, "lost on one medium only",
        "what is lost on one of the media is whole on another, from which it was taken",
        "give these media together also when you send",
    ),
    FindingType(
        "F01", _BLOCK, "no DICOM at all",
        "no file on the medium is a DICOM object; a PACS can store nothing of it",
        "check that this is the image disc, and ask the sender for DICOM",
    ),
    FindingType(
        "F02", _BLOCK, "images of a viewer only",
        "there is no DICOM object, but a viewer with large files of its own: the images are "
        "probably in its format",
        "ask the sender to export as DICOM",
    ),
    FindingType(
        "F03", _BLOCK, "pictures or films only",
        "there is no DICOM object, only pictures, films or PDF files; a PACS does not store these",
        "ask the sender to export as DICOM",
    ),
    FindingType(
        "F04", _NOTE, "programs on the medium",
        "viewers, libraries or autorun files are beside the images; they were counted and not run",
        "nothing",
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
        refused=True,
    ),
    FindingType(
        "F08", _BLOCK, "directory in place of an image",
        "the file is a DICOMDIR, which is no object to store; it lists objects and holds none",
        "give the folder or the disc that it belongs to",
    ),
    FindingType(
        "F09", _LOSS, "filled with zero bytes",
        "the content was lost when the medium was written or copied",
        "copy the disc again, or ask the sender for a new one",
        refused=True,
    ),
    FindingType(
        "F10", _BLOCK, "not DICOM as its name says",
        "the file is named like a DICOM object and cannot be read as one",
        "ask the sender to export it again",
        refused=True,
    ),
    FindingType(
        "F11", _BLOCK, "length of file meta information wrong",
        "the file meta information does not end where it says; a PACS does not find the object",
        "ask the sender to export it again",
        refused=True,
    ),
    FindingType(
        "F12", _BLOCK, "prefix without preamble",
        "the file begins with DICM, which a PACS looks for behind a preamble of 128 bytes",
        "use the copy that emix salvage makes, or ask the sender to export it again",
        refused=True,
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
        "D06", _RISK, "DICOMDIR names another object",
        "the medium's directory says that a file is another object than it is; the file was taken",
        "compare patient, study and number of images with the request",
    ),
    FindingType(
        "D07", _BLOCK, "name leads out of the medium",
        "a link, archive entry or DICOMDIR names a file outside the medium; it was not followed",
        "copy the files meant into one folder, or ask the sender for a clean medium",
    ),
    FindingType(
        "D08", _RISK, "fewer objects than counted",
        "the medium's directory says that the study or series has more objects than are here",
        "ask the sender whether only a part was meant to be sent",
    ),
    FindingType(
        "S01", _BLOCK, "identifier missing",
        "study, series or instance UID is missing; a PACS will not store the object",
        "ask the sender to export it again",
        refused=True,
    ),
    FindingType(
        "S02", _BLOCK, "SOP Class UID missing",
        "the object does not say what it is; it cannot be offered to a PACS",
        "ask the sender to export it again",
        refused=True,
    ),
    FindingType(
        "S03", _RISK, "identifier malformed",
        "an identifier has letters, blanks, leading zeros or more than 64 characters; some "
        "systems refuse it or cut it",
        "ask the sender to export it again, or let the receiver map it",
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
        "S07", _LOSS, "frame does not decode",
        "the pixels of a frame are damaged or cut: it cannot be shown, or not wholly",
        "ask the sender for a new copy",
    ),
    FindingType(
        "S08", _BLOCK, "unknown transfer syntax",
        "the pixels are encoded in a way that the standard does not know; a PACS does not "
        "accept it",
        "ask the sender to export with a standard encoding",
        refused=True,
    ),
    FindingType(
        "S09", _BLOCK, "wrong value representation",
        "an element says in no known way what kind of value it has; a PACS cannot parse the "
        "object",
        "ask the sender to export it again",
        refused=True,
    ),
    FindingType(
        "S10", _LOSS, "sequence not closed",
        "a sequence has no end: everything behind it could not be read",
        "ask the sender to export it again",
    ),
    FindingType(
        "S11", _NOTE, "bytes behind the object",
        "the file goes on behind the end of its last element",
        "nothing: they are copied as they are",
    ),
    FindingType(
        "S12", _RISK, "text not readable for certain",
        "text does not fit the character set that the object declares, or it declares none: "
        "names may be wrong",
        "compare names with the request; ask the sender if in doubt",
    ),
    FindingType(
        "S13", _RISK, "no Patient ID",
        "the object does not say whose it is by Patient ID; a PACS may file it under nobody",
        "ask the sender who the patient is",
    ),
    FindingType(
        "S14", _LOSS, "pixel attributes contradict",
        "bits, samples, colours or size of the image contradict each other: it cannot be "
        "shown for certain",
        "ask the sender to export it again",
    ),
    FindingType(
        "S15", _BLOCK, "cannot be read to its end",
        "the object ends inside an element or sequence; a PACS will not store it",
        "ask the sender for a new copy; emix salvage keeps what is there",
        refused=True,
    ),
    FindingType(
        "S16", _RISK, "SOP class private or contradicting",
        "the class of the object is not one of the standard, or its file meta information "
        "names another one",
        "ask the receiver whether its PACS accepts it",
    ),
    FindingType(
        "S17", _NOTE, "more pixels than needed",
        "pixel data is longer than rows, columns and frames say",
        "nothing: it is copied as it is",
    ),
    FindingType(
        "S18", _LOSS, "fewer fragments than frames",
        "compressed pixel data has fewer pieces than frames: frames are missing",
        "ask the sender for a new copy",
    ),
    FindingType(
        "S19", _RISK, "offsets of frames wrong",
        "the table that says where each frame begins contradicts the frames; some software "
        "shows wrong ones",
        "ask the receiver to compare the frames with those of the sender",
    ),
    FindingType(
        "S20", _BLOCK, "identifier too long",
        "Patient ID or an identifier has more than 256 bytes; a PACS has no room for it",
        "ask the sender to export it again",
        refused=True,
    ),
    FindingType(
        "S21", _BLOCK, "header without end",
        "the header has more elements, or longer ones, than any real object; it was not read to "
        "its end, and may say something else there",
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
        "C06", _RISK, "end of a series missing",
        "the DICOMDIR names objects before the first or behind the last one that is there",
        "ask the sender for the rest of the series",
    ),
    FindingType(
        "C07", _RISK, "no images to look at",
        "a study has only localisers, or objects that point to images which are not there",
        "ask the sender for the images of the study",
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

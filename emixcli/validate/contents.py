"""What is on a medium besides images, and whether there are images at all."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import TYPE_CHECKING, Final

from emixcli.validate.places import number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from emixcli.model import Missing, Patient, Series, Study
    from emixcli.validate.places import Findings

#: First bytes of programs and libraries.
_PROGRAMS: Final = (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
#: First bytes of pictures and films: JPEG, PNG, GIF, TIFF, BMP, MPEG, Windows Media.
_PICTURES: Final = (
    b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*", b"BM", b"\0\0\x01\xba",
    b"\0\0\x01\xb3", b"\x30\x26\xb2\x75",
)  # fmt: skip
#: Viewers' own image files are large; texts and settings are not.
_LARGE: Final = 128 * 1024
_IMAGE_SUFFIXES: Final = (".iso", ".img", ".bin", ".nrg", ".mdf")
#: Modalities of objects that show nothing without the images that they point to.
_POINTING: Final = frozenset({"PR", "KO", "REG", "RTSTRUCT", "SEG", "RWV"})


class OtherFiles:
    """Counts the files that are no DICOM objects."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()

    def add(self, path: str, head: bytes, size: int) -> None:
        """Count a file by its first bytes."""
        name = posixpath.basename(path).lower()
        if head.startswith(_PROGRAMS) or name == "autorun.inf":
            self._kinds["program"] += 1
        elif head.startswith(_PICTURES) or head[4:8] == b"ftyp" or head[8:12] == b"AVI ":
            self._kinds["picture"] += 1
        elif size >= _LARGE:
            self._kinds["large"] += 1
        else:
            self._kinds["other"] += 1

    def add_report(self) -> None:
        """Count a report."""
        self._kinds["report"] += 1

    def check(self, findings: Findings, *, has_dicom: bool) -> None:
        """Report programs (F04), and what there is in place of DICOM (F01, F02, F03)."""
        kinds = self._kinds
        findings.add("F04", count=kinds["program"])
        if has_dicom or not kinds.total():
            return
        if kinds["program"] and kinds["large"]:
            findings.add("F02", count=kinds["large"])
        elif kinds["picture"] or kinds["report"] == kinds.total():
            findings.add("F03", count=kinds["picture"] + kinds["report"])
        else:
            findings.add("F01", count=kinds.total())


def is_image_name(path: str) -> bool:
    """Whether a file is named like the image of a disc."""
    return path.lower().endswith(_IMAGE_SUFFIXES)


def check_missing(
    patients: Iterable[Patient], missing: Sequence[Missing], findings: Findings
) -> None:
    """Report whole series that are elsewhere (M11), and missing ends of series (C06).

    Parameters
    ----------
    missing
        What the directories name and nobody has.
    """
    by_series: dict[str, list[Missing]] = {}
    for item in missing:
        if item.series_uid:
            by_series.setdefault(item.series_uid, []).append(item)
    if not by_series:
        return
    here = {
        series.uid: series
        for patient in patients
        for study in patient.studies
        for series in study.series
    }
    n_whole = sum(uid not in here for uid in by_series)
    findings.add("M11", count=n_whole, where=f"{n_whole} series" if n_whole else "")
    for uid, items in by_series.items():
        if uid in here:
            _check_ends(here[uid], items, findings)


def check_counts(
    patients: Iterable[Patient],
    missing: Sequence[Missing],
    counts: Mapping[str, int],
    findings: Findings,
) -> None:
    """Report studies and series with fewer objects than a DICOMDIR says that there are (D08).

    Parameters
    ----------
    missing
        What is told already.
    counts
        By Study and Series Instance UID.
    """
    if not all(item.study_uid for item in missing):  # what is missing may be what was counted
        return
    told = Counter(item.series_uid for item in missing)
    told += Counter(item.study_uid for item in missing)

    def check(uid: str, n_here: int, name: str) -> bool:
        n_gone = counts.get(uid, 0) - n_here - told[uid]
        if n_here and n_gone > 0:
            findings.add("D08", count=n_gone, where=f"{name}: {n_here} of {counts[uid]} objects")
        return n_gone > 0

    for number, study in enumerate((s for patient in patients for s in patient.studies), 1):
        are_short = [
            check(one.uid, len(one.instances), f"series {one.instances[0].integer('SeriesNumber')}")
            for one in study.series
        ]
        if not any(are_short):
            check(study.uid, sum(len(one.instances) for one in study.series), f"study {number}")


def _check_ends(series: Series, missing: Sequence[Missing], findings: Findings) -> None:
    there = [
        number for one in series.instances if (number := one.integer("InstanceNumber", -1)) >= 0
    ]
    gone = [n for item in missing if (n := number_of(item.instance_number)) is not None]
    if not there or not gone:
        return
    name = f"series {series.instances[0].integer('SeriesNumber')}"
    before = sum(number < min(there) for number in gone)
    behind = sum(number > max(there) for number in gone)
    if before:
        findings.add("C06", count=before, where=f"{name}: {before} before instance {min(there)}")
    if behind:
        findings.add("C06", count=behind, where=f"{name}: {behind} behind instance {max(there)}")


def check_study(study: Study, findings: Findings, *, words: str = "") -> None:
    """Report a study without images to look at (C07).

    Parameters
    ----------
    words
        From `places.study_words`.
    """
    modalities = set()
    n_images = n_localisers = 0
    for series in study.series:
        modalities.add(series.text("Modality"))
        if series.text("Modality") in _POINTING:
            continue
        for instance in series.instances:
            if instance.pixels[0] >= 0:
                n_images += 1
                kinds = instance.text("ImageType").split("\\")
                n_localisers += "LOCALIZER" in kinds[2:3]
            if n_images > n_localisers:
                return
    if n_images:
        findings.add("C07", where=f"{words}only localisers ({n_images})".strip())
    elif modalities & _POINTING:
        named = ", ".join(sorted(modalities & _POINTING))
        findings.add("C07", where=f"{words}only objects of {named}")

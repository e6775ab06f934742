"""Each series as a row of its images: whole, damaged, named and not there, or a gap."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.media.report import date_text
from emixcli.model import Missing
from emixcli.validate.gaps import find_gaps
from emixcli.validate.places import number_of, ranges
from emixcli.words import noun, some

if TYPE_CHECKING:
    from emixcli.media.losses import Loss
    from emixcli.model import FileSet, Instance, Series, Study

_MAX_GAP: Final = 200


@dataclass(frozen=True, slots=True)
class Cell:
    """One image of a series.

    `state` is "whole", "damaged", "missing" (named by a directory) or "gap" (room for it between
    its neighbours).
    """

    state: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Strip:
    """A series as a row of its images.

    Attributes
    ----------
    patient, date, description, accession, study_uid
        Of its study, as the images or the DICOMDIR say.
    study, series
        None where none of its images is there.
    middle
        A whole image to show, None where there is none.
    """

    patient: str
    date: str
    description: str
    accession: str
    study_uid: str
    study: Study | None
    series: Series | None
    uid: str
    number: str
    cells: tuple[Cell, ...]
    middle: Instance | None = None

    def count(self, *states: str) -> int:
        """Return how many images are in one of these states."""
        return sum(cell.state in states for cell in self.cells)

    @property
    def images(self) -> str:
        """What to ask for of the series, "" where nothing is lost."""
        lost = [cell for cell in self.cells if cell.state in ("damaged", "missing")]
        known = [n for cell in lost if (n := number_of(cell.number)) is not None]
        numbers = sorted(set(known))
        n_more, n_gaps = len(lost) - len(known), self.count("gap")
        parts = []
        if numbers:
            parts.append(f"{noun(len(numbers), 'image')} {ranges(numbers)}")
        if n_more:
            parts.append(f"{some(n_more, 'image')} without number")
        if n_gaps:
            parts.append(f"{some(n_gaps, 'slice')} in gaps (estimated)")
        return " and ".join(parts)

    @property
    def words(self) -> tuple[str, ...]:
        """What the sender calls the series."""
        number = self.number or "without number"
        return (date_text(self.date), self.description, f"series {number}")


def requests_of(strips: Sequence[Strip]) -> Iterator[str]:
    """Yield a line for each series of which something is lost, no two of them the same.

    The patient is named where there are several; so is the accession number, or what else tells a
    study, where two lines would differ in their images only.
    """
    wanted = [strip for strip in strips if strip.images]
    several = len({strip.patient for strip in strips}) > 1
    studies: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for strip in wanted:
        studies[strip.patient, *strip.words].add(strip.study_uid)
    for strip in wanted:
        words = [strip.patient.replace("^", " ").strip() if several else "", *strip.words]
        if len(studies[strip.patient, *strip.words]) > 1:
            told = f"accession {strip.accession}" if strip.accession else f"study {strip.study_uid}"
            words.insert(-1, told)
        yield f"{', '.join(filter(None, words))}: {strip.images}"


def make_strips(
    file_set: FileSet, losses: Sequence[Loss], undecoded: Iterable[Instance] = ()
) -> list[Strip]:
    """Return a row for each series, of which something is there or is named by a DICOMDIR.

    Parameters
    ----------
    undecoded
        Images with a frame that does not decode.
    """
    damaged = {(loss.source, loss.path) for loss in losses}
    damaged |= {(lost.source, lost.path) for lost in file_set.unreadable}
    damaged |= {*file_set.hurt, *((one.source, one.path) for one in undecoded)}
    gone: dict[tuple[str, ...], list[Missing]] = defaultdict(list)
    for item in named_and_gone(file_set, losses):
        gone[_key(item)].append(item)
    strips = []
    for study in file_set.iter_studies():
        for series in study.series:
            items = gone.pop((series.uid,), [])
            strips.append(_strip(study, series, damaged, [one.instance_number for one in items]))
    studies = {study.uid: study for study in file_set.iter_studies()}
    return strips + [_missing_strip(items, studies) for items in gone.values()]


def named_and_gone(file_set: FileSet, losses: Sequence[Loss]) -> list[Missing]:
    """Return the objects that a DICOMDIR names and no medium has whole."""
    found = list(file_set.missing)
    named = [loss for loss in losses if loss.origin == "dicomdir"]
    if not named:
        return found
    told = {one.text("SOPInstanceUID") for one in file_set.iter_instances()}
    told |= {one.sop_uid for one in found}
    for loss in named:
        if loss.sop_uid not in told:
            told |= {loss.sop_uid} if loss.sop_uid else set()
            found.append(
                Missing(
                    loss.source, loss.sop_uid, loss.study_uid, loss.series_uid, loss.series_number,
                    loss.instance_number, loss.study_date, loss.study_description,
                    loss.accession_number, loss.patient_name,
                )
            )  # fmt: skip
    return found


def _key(item: Missing) -> tuple[str, ...]:
    if item.series_uid:
        return (item.series_uid,)
    return ("", item.study_uid, item.series_number)


def _missing_strip(items: Sequence[Missing], studies: dict[str, Study]) -> Strip:
    first = items[0]
    study = studies.get(first.study_uid) if first.study_uid else None
    told = (
        _study_values(study) if study
        else (first.patient_name, first.study_date, first.study_description,
              first.accession_number, first.study_uid)
    )  # fmt: skip
    numbers = sorted((item.instance_number for item in items), key=_order)
    cells = tuple(Cell("missing", number) for number in numbers)
    return Strip(*told, study, None, first.series_uid, first.series_number, cells)


def _strip(
    study: Study, series: Series, damaged: set[tuple[int, str]], missing: Sequence[str]
) -> Strip:
    instances = series.instances
    whole = [one for one in instances if (one.source, one.path) not in damaged]
    cells = [
        Cell(
            "damaged" if (one.source, one.path) in damaged else "whole",
            one.text("InstanceNumber"),
        )
        for one in instances
    ]
    if missing:
        cells += [Cell("missing", number) for number in missing]
        cells.sort(key=lambda cell: _order(cell.number))
    else:
        cells = _with_gaps(series, cells)
    middle = whole[len(whole) // 2] if whole else None
    number = series.text("SeriesNumber")
    told = _study_values(study)
    return Strip(*told, study, series, series.uid, number, tuple(cells), middle)


def _study_values(study: Study) -> tuple[str, str, str, str, str]:
    return (
        study.text("PatientName"), study.text("StudyDate"), study.text("StudyDescription"),
        study.text("AccessionNumber"), study.uid,
    )  # fmt: skip


def _with_gaps(series: Series, cells: list[Cell]) -> list[Cell]:
    """Put cells where positions tell that slices are missing (C05), beside their neighbours."""
    before = Counter[int]()
    for a, b, n_missing in find_gaps(series):
        before[max(a, b)] += min(n_missing, _MAX_GAP)
    return [one for at, cell in enumerate(cells) for one in (*[Cell("gap")] * before[at], cell)]


def _order(number: str) -> tuple[int, str]:
    known = number_of(number)
    return (2**31, number) if known is None else (known, "")

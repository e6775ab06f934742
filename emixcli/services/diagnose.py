"""What is wrong with a medium, where, and what to ask for."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emixcli.media.losses import Loss, Lost, find_losses, name_losses, read_through
from emixcli.media.report import date_text
from emixcli.media.scan import scan_sources
from emixcli.media.sources import open_source
from emixcli.model import Severity
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.frames import Frames, decode_all
from emixcli.services.matching import with_matches
from emixcli.validate.gaps import find_gaps
from emixcli.validate.places import number_of, ranges
from emixcli.words import noun, some

if TYPE_CHECKING:
    from emixcli.media.sources import MediaFile, Source
    from emixcli.model import FileSet, Finding, Instance, Series, Study

#: Findings of a disc of which nobody knows what else was on it.
_CUT: Final = frozenset({"M02", "M04"})
_MAX_GAP: Final = 200


@dataclass(frozen=True, slots=True)
class Medium:
    """A medium as its sectors are.

    Parameters
    ----------
    path
        As it was given.
    kind
        Of `Source`.
    size
        In bytes; 0 where its files are files of the system.
    used, bad
        Ranges of bytes: of files, and those that cannot be read.
    """

    path: str
    kind: str
    size: int
    used: tuple[tuple[int, int], ...]
    bad: tuple[tuple[int, int], ...]


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

    `middle` is a whole image to show, None where there is none.
    """

    study: Study
    series: Series | None
    uid: str
    number: str
    cells: tuple[Cell, ...]
    middle: Instance | None = None

    def count(self, state: str) -> int:
        """Return how many images are so."""
        return sum(cell.state == state for cell in self.cells)


@dataclass(frozen=True)
class Diagnosis:
    """Everything that can be said of the media.

    `full` tells whether every byte was read, and `frames` what then decoded; `requests`
    says in words what to ask the sender for.
    """

    file_set: FileSet
    losses: tuple[Loss, ...]
    media: tuple[Medium, ...]
    strips: tuple[Strip, ...]
    full: bool
    frames: Frames | None = None

    @property
    def is_cut(self) -> bool:
        """Whether a part of a medium is gone, and nothing tells all that was in it."""
        return any(finding.code in _CUT for finding in self.file_set.findings)

    @property
    def requests(self) -> list[str]:
        """What to ask the sender for: all of a disc that is cut, and a line for each series."""
        whole = ["the whole disc: a part is lost, and nothing tells all that was in it"]
        lines = (_request(strip) for strip in self.strips)
        return [*(whole if self.is_cut else ()), *filter(None, lines)]


def loss_document(loss: Loss) -> dict[str, Any]:
    """Return a loss for JSON."""
    return {
        "source": loss.source, "path": loss.path, "size": loss.size,
        "ranges": [list(lost) for lost in loss.ranges], "known_from": loss.origin,
        "study_instance_uid": loss.study_uid, "series_instance_uid": loss.series_uid,
        "sop_instance_uid": loss.sop_uid, "series_number": loss.series_number,
        "instance_number": loss.instance_number,
    }  # fmt: skip


def diagnose(
    paths: Sequence[str], *, full: bool = False, progress: ProgressListener = SILENT
) -> Diagnosis:
    """Look at media closely; writes nothing.

    Parameters
    ----------
    full
        Read every byte and decode every frame, not only headers and lengths.

    Raises
    ------
    MediaError
        A medium cannot be read at all.
    """
    with contextlib.ExitStack() as stack:
        sources = [stack.enter_context(contextlib.closing(open_source(path))) for path in paths]
        return diagnose_sources(sources, paths, full=full, progress=progress)


def diagnose_sources(
    sources: Sequence[Source],
    paths: Sequence[str],
    *,
    full: bool,
    lost: Sequence[Lost] | None = None,
    progress: ProgressListener = SILENT,
) -> Diagnosis:
    """Look at media that are open, and stay so.

    Parameters
    ----------
    paths
        Their names.
    full
        Read every byte and decode every frame.
    lost
        What cannot be read of their files, where every byte was read already.
    """
    if full and lost is None:
        file_set, lost = _scan_everything(sources, paths, progress)
    else:
        file_set = scan_sources(sources, tuple(paths), progress=progress)
    found = find_losses(file_set, sources) if lost is None else name_losses(lost, file_set, sources)
    media = tuple(_medium(path, source) for path, source in zip(paths, sources, strict=True))
    file_set = with_matches(file_set)
    frames = None
    if full:
        frames = decode_all(file_set, progress)
        file_set = _with_finding(file_set, frames.finding(file_set))
    strips = tuple(_strips(file_set, found))
    return Diagnosis(file_set, tuple(found), media, strips, lost is not None, frames)


def _with_finding(file_set: FileSet, finding: Finding | None) -> FileSet:
    """Return a file-set with one finding more, in its place by severity."""
    if finding is None:
        return file_set
    order = list(Severity)
    findings = sorted(
        (*file_set.findings, finding), key=lambda item: (order.index(item.severity), item.code)
    )
    return file_set._replace(findings=tuple(findings))


def _scan_everything(
    sources: Sequence[Source], paths: Sequence[str], progress: ProgressListener
) -> tuple[FileSet, list[Lost]]:
    """Scan media while every byte is read: each file is looked at when it was just read."""
    lost: list[Lost] = []

    def files(number: int, source: Source) -> Iterator[MediaFile]:
        for file, unread in read_through(source, progress):
            if unread:
                lost.append((number, file.path, file.size, tuple(unread)))
            yield file

    total = sum(file.size for source in sources for file in source.iter_files())
    progress.stage("reading every byte", total, "bytes")
    return scan_sources(sources, tuple(paths), list_files=files), lost


def _medium(path: str, source: Source) -> Medium:
    whole = source.medium
    if whole is None:
        return Medium(path, source.kind, 0, (), ())
    used = sorted(
        (start, start + length)
        for file in source.iter_files()
        for start, length in source.extents(file.path)
        if start >= 0
    )
    return Medium(path, source.kind, whole.size, tuple(used), tuple(whole.lost(0, whole.size)))


def _strips(file_set: FileSet, losses: Sequence[Loss]) -> list[Strip]:
    damaged = {(loss.source, loss.path) for loss in losses}
    damaged |= {(lost.source, lost.path) for lost in file_set.unreadable}
    by_series: dict[str, list[str]] = {}
    for missing in file_set.missing:
        by_series.setdefault(missing.series_uid, []).append(missing.instance_number)
    named = [loss for loss in losses if loss.origin == "dicomdir"]
    there = {one.text("SOPInstanceUID") for one in file_set.iter_instances()} if named else ()
    for loss in named:
        if loss.sop_uid not in there:  # no other medium has it
            by_series.setdefault(loss.series_uid, []).append(loss.instance_number)
    strips = [
        _strip(study, series, damaged, by_series.pop(series.uid, []))
        for study in file_set.iter_studies()
        for series in study.series
    ]
    lost = {missing.series_uid: missing for missing in file_set.missing}
    studies = {study.uid: study for study in file_set.iter_studies()}
    for uid, numbers in by_series.items():
        if uid in lost and lost[uid].study_uid in studies:
            study = studies[lost[uid].study_uid]
            cells = tuple(Cell("missing", number) for number in sorted(numbers, key=_order))
            strips.append(Strip(study, None, uid, lost[uid].series_number, cells))
    return strips


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
    return Strip(study, series, series.uid, series.text("SeriesNumber"), tuple(cells), middle)


def _with_gaps(series: Series, cells: list[Cell]) -> list[Cell]:
    """Put cells where positions tell that slices are missing (C05), beside their neighbours."""
    before = Counter[int]()
    for a, b, n_missing in find_gaps(series):
        before[max(a, b)] += min(n_missing, _MAX_GAP)
    return [one for at, cell in enumerate(cells) for one in (*[Cell("gap")] * before[at], cell)]


def _order(number: str) -> tuple[int, str]:
    known = number_of(number)
    return (2**31, number) if known is None else (known, "")


def _request(strip: Strip) -> str:
    """Return what to ask for of one series, "" where nothing is lost."""
    lost = [cell for cell in strip.cells if cell.state != "whole"]
    if not lost:
        return ""
    numbers = sorted({n for cell in lost if (n := number_of(cell.number)) is not None})
    n_gaps = strip.count("gap")
    parts = []
    if numbers:
        parts.append(f"{noun(len(numbers), 'image')} {ranges(numbers)}")
    if n_gaps:
        parts.append(f"{some(n_gaps, 'slice')} in gaps")
    if not parts:
        parts.append(f"{some(len(lost), 'image')} without number")
    study = (date_text(strip.study.text("StudyDate")), strip.study.text("StudyDescription"))
    where = ", ".join((*filter(None, study), f"series {strip.number or 'without number'}"))
    return f"{where}: {' and '.join(parts)}"

"""What is wrong with a medium, where, and what to ask for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emixcli.errors import IncompleteMediaError, PartialError
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import SECTOR
from emixcli.media.losses import Loss, Lost, find_losses, lost_ranges, read_through
from emixcli.media.scan import scan_sources
from emixcli.media.sources import MediaFile, open_source
from emixcli.model import Severity
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.frames import Frames, decode_all
from emixcli.services.matching import with_matches
from emixcli.services.strips import Strip, make_strips, requests_of
from emixcli.words import some

if TYPE_CHECKING:
    from emixcli.media.disc.sectors import SectorBytes
    from emixcli.media.sources import Source
    from emixcli.model import FileSet, Finding, Unreadable

_MAX_NAMED: Final = 8
_DESCRIPTOR: Final = 16 * SECTOR
_LABEL: Final = slice(40, 72)


@dataclass(frozen=True, slots=True)
class Medium:
    """A medium as its sectors are.

    Parameters
    ----------
    path
        As it was given.
    kind
        Of `Source`.
    label
        The name that the disc was given, "" where it has none.
    size
        In bytes; 0 where its files are files of the system.
    end
        Where it would end if it were whole: behind `size` where it is cut.
    used, bad
        Ranges of bytes: of files, and those that cannot be read or are not there.
    """

    path: str
    kind: str
    label: str
    size: int
    end: int
    used: tuple[tuple[int, int], ...]
    bad: tuple[tuple[int, int], ...]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return Path(self.path).name or self.path


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
    def n_lost(self) -> int:
        """How many images are known to be lost in whole or in part."""
        return sum(strip.count("damaged", "missing") for strip in self.strips)

    @property
    def n_gaps(self) -> int:
        """How many slices seem to be missing: an estimate from positions."""
        return sum(strip.count("gap") for strip in self.strips)

    @cached_property
    def other_files(self) -> list[Unreadable]:
        """Files that cannot be read, of which nobody knows whether they are images."""
        unreadable = self.file_set.unreadable
        wanted = {(one.source, one.path) for one in unreadable}
        told = {
            (one.source, one.path)
            for one in self.file_set.iter_instances()
            if (one.source, one.path) in wanted
        }
        told |= {(loss.source, loss.path) for loss in self.losses if loss.origin}
        return [one for one in unreadable if (one.source, one.path) not in told]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is known to be lost: all else that is said of it follows this."""
        return not (self.n_lost or self.other_files or self.file_set.has_lost_names)

    @property
    def requests(self) -> list[str]:
        """What to ask the sender for: all where names are lost, and a line for each series."""
        found = []
        if self.file_set.has_lost_names:
            found.append("everything: directories are lost, and nothing tells all that was there")
        found += requests_of(self.strips)
        files = [one.path for one in self.other_files if not one.is_forbidden]
        if files:
            more = ["…"] if len(files) > _MAX_NAMED else []
            named = ", ".join([*files[:_MAX_NAMED], *more]).replace("\n", " ")
            found.append(f"{some(len(files), 'file')} of which nothing else is known: {named}")
        return found


def require_whole(diagnosis: Diagnosis) -> None:
    """Do nothing where all is there, as far as anything tells.

    Raises
    ------
    PartialError
        Something is known to be lost.
    IncompleteMediaError
        Only objects that a DICOMDIR names are not there, or slices seem to be missing.
    """
    n_lost, n_gaps = diagnosis.n_lost, diagnosis.n_gaps
    if n_lost:
        raise PartialError(
            f"{some(n_lost, 'image')} {'is' if n_lost == 1 else 'are'} lost in whole or in part",
            hint="ask the sender for what is listed",
        )
    if n_gaps:
        raise IncompleteMediaError(
            f"about {some(n_gaps, 'slice')} {'seems' if n_gaps == 1 else 'seem'} to be missing",
            hint="ask the sender whether the series are complete",
        )


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
        unread = {entry[:2]: Ranges(entry[3]) for entry in lost or ()}

        def files(number: int, source: Source) -> Iterator[MediaFile]:
            for file in source.iter_files():
                known = unread.get((number, file.path))
                yield _with_losses(source, file, known) if known else file

        file_set = scan_sources(
            sources, tuple(paths), progress=progress, list_files=files if unread else None
        )
    found = find_losses(file_set, sources, lost)
    media = tuple(_medium(path, source) for path, source in zip(paths, sources, strict=True))
    file_set = with_matches(file_set)
    frames = None
    if full:
        frames = decode_all(file_set, progress)
        file_set = _with_finding(file_set, frames.finding(file_set))
    strips = tuple(make_strips(file_set, found, frames.damaged if frames else ()))
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
                yield _with_losses(source, file, unread)
            else:
                yield file

    total = sum(file.size for source in sources for file in source.iter_files())
    progress.stage("reading every byte", total, "bytes")
    return scan_sources(sources, tuple(paths), list_files=files), lost


def _with_losses(source: Source, file: MediaFile, unread: Ranges) -> MediaFile:
    """Return a file with what reading every byte of it has told: of the medium, or its content."""
    n = unread.n_bytes() - file.missing
    is_medium = source.kind != "zip" or bool(lost_ranges(source, file.path))
    lost, damaged = (n, 0) if is_medium else (0, n)
    return MediaFile(file.path, file.size, file.missing, lost, damaged)


def _medium(path: str, source: Source) -> Medium:
    whole = source.medium
    if whole is None:
        return Medium(path, source.kind, "", 0, 0, (), ())
    used = sorted(
        (start, start + length)
        for file in source.iter_files()
        for start, length in source.extents(file.path)
        if start >= 0
    )
    end = max([whole.size, *(stop for _, stop in used)])
    bad = tuple(whole.lost(0, end))
    return Medium(path, source.kind, _label(whole), whole.size, end, tuple(used), bad)


def _label(medium: SectorBytes) -> str:
    """Return the volume identifier of a disc (ECMA-119 section 8.4.7), "" where there is none."""
    try:
        data = medium.read_at(_DESCRIPTOR, _LABEL.stop)
    except OSError:
        return ""
    return data[_LABEL].decode("latin-1").strip(" \0") if data.startswith(b"\1CD001") else ""

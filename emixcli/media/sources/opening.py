"""Ways to a disc that need more than one look: drives, CUE sheets, mapfiles, no directory."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emixcli.errors import MediaError
from emixcli.media.disc.carving import find_marks
from emixcli.media.disc.drive import drive_of, is_optical
from emixcli.media.disc.images import MAX_CUE, FilesBytes, nero_tracks, place_tracks, read_cue
from emixcli.media.disc.mapfile import Mapfile, is_mapfile
from emixcli.media.disc.sectors import SECTOR, DriveBytes, SectorBytes
from emixcli.media.disc.tracks import TrackBytes, raw_tracks
from emixcli.media.names import drive_device, native_path
from emixcli.media.sources.base import FileBytes
from emixcli.media.sources.disc import DiscSource, disc_in, sectors_of

if TYPE_CHECKING:
    from emixcli.media.disc.drive import Drive
    from emixcli.media.disc.ranges import Ranges
    from emixcli.media.sources.base import Bytes, Source

_FLAGS: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_DIRECT: Final = getattr(os, "O_DIRECT", 0)
#: A drive that is not ready must say so and not wait.
_NONBLOCK: Final = getattr(os, "O_NONBLOCK", 0)
_MAP_SUFFIXES: Final = (".map", ".mapfile", ".log")
_MAP_HEAD: Final = 4096
_MAX_MAPFILE: Final = 64 * 1024 * 1024
_SMALLEST_CARVED: Final = 64 * 1024
_STATES: Final = {
    "empty": ("there is no disc in the drive", "insert the disc and try again"),
    "open": ("the drive is open", "close it and try again"),
    "not ready": ("the drive is not ready", "wait until it has read the disc, and try again"),
    "audio": ("the disc holds only audio tracks", "check that it is the image disc"),
}


def open_drive(path: str, mapfile: Mapfile | None) -> Source | None:
    r"""Return the disc in a drive (`/dev/sr0`, `D:`), None where the path is no drive.

    Raises
    ------
    MediaError
        Where nothing on it can be read.
    """
    device = drive_device(path) if is_optical(path) else None
    try:
        if device is None and not stat.S_ISBLK(Path(path).stat().st_mode):
            return None
    except (OSError, ValueError):
        return None
    try:
        fd = _open_device(device or os.path.realpath(path))
    except OSError as exc:
        if device is not None:
            return None  # what the system has mounted there is read instead
        raise MediaError(
            "the drive cannot be read", hint="check that you may read it, or try another drive"
        ) from exc
    return drive_source(fd, drive_of(fd), mapfile)


def drive_source(fd: int, drive: Drive, mapfile: Mapfile | None = None) -> Source:
    """Return the disc in an open drive; takes `fd` over.

    Raises
    ------
    MediaError
        Where nothing on it can be read.
    """
    _require_disc(fd, drive)
    contents = drive.contents()
    size = drive.size() or contents.end * SECTOR
    content = DriveBytes(fd, size, sector=drive.sector())
    bad = mapfile.unread(size) if mapfile else None
    found = disc_in(content, b"", kind="device", bad=bad, starts=contents.sessions)
    if found is not None:
        return found
    if contents.n_audio and not contents.n_data:
        content.close()
        raise MediaError(*_STATES["audio"][:1], hint=_STATES["audio"][1])
    carved = open_carved(content, b"", bad, kind="device")
    if carved is not None:
        return carved
    content.close()
    raise MediaError(
        "no file system was found on the disc: it is blank, not finalised, or lost",
        hint="try the drive that wrote it, or ask the sender for a new one",
    )


def open_medium(path: str) -> tuple[Bytes, Drive]:
    r"""Return the bytes of a drive or image for copying, and the drive.

    Raises
    ------
    MediaError
        Where it cannot be opened, or holds no disc.
    """
    named = drive_device(path) if is_optical(path) else None
    device = named or os.path.realpath(path)
    try:
        is_drive = named is not None or stat.S_ISBLK(Path(path).stat().st_mode)
        fd = _open_device(device) if is_drive else os.open(native_path(device), _FLAGS)
    except (OSError, ValueError) as exc:
        raise MediaError(
            "the drive or image cannot be read",
            hint="check the path, and that you may read it",
        ) from exc
    drive = drive_of(fd)
    if not is_drive:
        return FileBytes(fd, drive.size()), drive
    _require_disc(fd, drive)
    size = drive.size() or drive.contents().end * SECTOR
    return DriveBytes(fd, size, sector=drive.sector()), drive


def _require_disc(fd: int, drive: Drive) -> None:
    if reason := _STATES.get(drive.state()):
        os.close(fd)
        raise MediaError(reason[0], hint=reason[1])


def _open_device(path: str) -> int:
    """Open a device for direct reading where the system can."""
    flags = _FLAGS | _NONBLOCK
    try:
        return os.open(path, flags | _DIRECT)
    except OSError:
        return os.open(path, flags)


def find_mapfile(path: str) -> Mapfile | None:
    """Return the mapfile that ddrescue left beside an image, None where there is none.

    Raises
    ------
    MediaError
        Where there is one that cannot be read: without it, what is lost would pass as zeros.
    """
    stems = dict.fromkeys((path, os.path.splitext(path)[0]))  # noqa: PTH122 - a name, not a file
    for name in (stem + suffix for stem in stems for suffix in _MAP_SUFFIXES):
        if name == path:
            continue
        try:
            with Path(name).open("rb") as file:
                head = file.read(_MAP_HEAD)
                # By its name alone, this is one: what it should say must not pass as zeros.
                if is_mapfile(head) or name == f"{path}.map":
                    return Mapfile.parse((head + file.read(_MAX_MAPFILE)).decode("latin-1"))
        except (OSError, ValueError):
            continue
    return None


def open_cue(path: str, content: Bytes, head: bytes) -> Source | None:
    """Return the disc that a CUE sheet describes, None where the file is no such sheet.

    Raises
    ------
    MediaError
        Where a file that it names is not there, or no file system is found.
    """
    if not path.lower().endswith(".cue") or content.size > MAX_CUE or b"\0" in head:
        return None
    tracks = read_cue(content.read_at(0, content.size).decode("latin-1"))
    content.close()
    names = list(dict.fromkeys(track.file for track in tracks))
    parts = [_part(Path(path).parent, name) for name in names]
    sizes = {name: part.size for name, part in zip(names, parts, strict=True)}
    return _from_tracks(TrackBytes(FilesBytes(list(parts)), place_tracks(tracks, sizes)))


def _part(folder: Path, name: str) -> FileBytes:
    """Open a file of an image, whatever the case of its name."""
    try:
        found = {entry.name.lower(): entry.name for entry in os.scandir(folder)}
        path = folder / found[name.lower()]
        fd = os.open(native_path(os.path.realpath(path)), _FLAGS)
    except (OSError, KeyError, ValueError) as exc:
        raise MediaError(
            "an image file that the cue sheet names is not beside it",
            hint="copy all files of the image into one folder",
        ) from exc
    return FileBytes(fd, os.lseek(fd, 0, os.SEEK_END))


def open_nero(content: Bytes) -> Source | None:
    """Return the disc in an NRG image, None where the file is none."""
    tracks = nero_tracks(content)
    return _from_tracks(TrackBytes(content, tracks)) if tracks else None


def _from_tracks(content: TrackBytes) -> Source:
    source = DiscSource(
        SectorBytes(content, holes=content.holes), starts=[t.lba for t in content.tracks if t.lba]
    )
    source.notes.codes["M07"] += 1
    return source


def open_carved(
    content: Bytes, head: bytes, bad: Ranges | None, *, kind: str = "iso"
) -> Source | None:
    """Return what lies on a disc without any directory, None where there is no DICOM object."""
    if content.size < _SMALLEST_CARVED:
        return None
    sectors = sectors_of(content, raw_tracks(content, head), bad)
    if next(find_marks(sectors, SECTOR, sectors.size), None) is None:
        return None
    return DiscSource(sectors, kind=kind)

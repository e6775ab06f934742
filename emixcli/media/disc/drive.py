r"""Drives of the operating system: size, sessions, what kind of disc, eject.

Discs are read through the drive itself (`/dev/sr0`, `\\.\D:`) and not through the system's file
system, which gives up a directory for one bad sector. All calls may fail; then nothing is known.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from dataclasses import dataclass
from typing import Final, Protocol

_TOC_HEADER, _TOC_ENTRY, _MULTISESSION = 0x5305, 0x5306, 0x5310
_EJECT, _DRIVE_STATUS, _DISC_STATUS = 0x5309, 0x5326, 0x5327
_BLOCK_SIZE: Final = 0x1268  # BLKSSZGET
_LBA: Final = 1
_LEADOUT: Final = 0xAA
_DATA_TRACK: Final = 0x04
#: Answers to `_DISC_STATUS` and `_DRIVE_STATUS`.
_STATES: Final = {1: "empty", 2: "open", 3: "not ready", 100: "audio"}
_WINDOWS_EJECT, _WINDOWS_LENGTH, _WINDOWS_TOC = 0x2D4808, 0x7405C, 0x24000
_CDROM: Final = 5  # DRIVE_CDROM


@dataclass(frozen=True, slots=True)
class Contents:
    """The table of contents of a disc, in sectors.

    Attributes
    ----------
    sessions
        First sectors of the sessions that are known.
    n_data, n_audio
        How many tracks of each kind.
    end
        First sector of the lead-out, 0 where it is not known.
    """

    sessions: tuple[int, ...] = ()
    n_data: int = 0
    n_audio: int = 0
    end: int = 0


class Drive(Protocol):
    """What a drive is asked."""

    def state(self) -> str:
        """Return `empty`, `open`, `not ready`, `audio`, or "" where a disc can be read."""

    def sector(self) -> int:
        """Return the bytes it reads at once."""

    def size(self) -> int:
        """Return the bytes of the disc, 0 where it does not say."""

    def contents(self) -> Contents:
        """Return the table of contents."""

    def eject(self) -> bool:
        """Open the tray; whether it did."""


class NoDrive:
    """A block device that is no optical drive, or whose calls are not known here."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def state(self) -> str:
        """Return that it can be read."""
        return ""

    def sector(self) -> int:
        """Return the size of an optical sector: a multiple of all others."""
        return 2048

    def size(self) -> int:
        """Return its end."""
        try:
            return os.lseek(self._fd, 0, os.SEEK_END)
        except OSError:
            return 0

    def contents(self) -> Contents:
        """Return that nothing is known."""
        return Contents()

    def eject(self) -> bool:
        """Do nothing."""
        return False


class LinuxDrive(NoDrive):
    """A drive of Linux, by the calls of `linux/cdrom.h`."""

    def state(self) -> str:
        """Return what the drive says of itself and of its disc."""
        for request in (_DRIVE_STATUS, _DISC_STATUS):
            answer = self._call(request, 0x7FFFFFFF)  # CDSL_CURRENT
            if isinstance(answer, int) and answer in _STATES:
                return _STATES[answer]
        return ""

    def sector(self) -> int:
        """Return the size of a sector."""
        answer = self._call(_BLOCK_SIZE, bytes(4))
        size = int.from_bytes(answer, sys.byteorder) if isinstance(answer, bytes) else 0
        return size if size in (512, 1024, 2048, 4096) else 2048

    def contents(self) -> Contents:
        """Return the tracks and the last session."""
        head = self._call(_TOC_HEADER, bytes(2))
        if not isinstance(head, bytes):
            return Contents()
        n_data = n_audio = 0
        for number in range(head[0], min(head[1], 99) + 1):
            entry = self._entry(number)
            if entry is not None and entry[0] & _DATA_TRACK:
                n_data += 1
            elif entry is not None:
                n_audio += 1
        last = self._call(_MULTISESSION, struct.pack("=iBB2x", 0, 0, _LBA))
        start = struct.unpack("=iBB2x", last)[0] if isinstance(last, bytes) else 0
        leadout = self._entry(_LEADOUT)
        sessions = (start,) if start > 0 else ()
        return Contents(sessions, n_data, n_audio, leadout[1] if leadout else 0)

    def eject(self) -> bool:
        """Open the tray."""
        return self._call(_EJECT, 0) is not None

    def _entry(self, track: int) -> tuple[int, int] | None:
        """Return control bits and first sector of a track (`struct cdrom_tocentry`)."""
        asked = struct.pack("=BBBxiBxxx", track, 0, _LBA, 0, 0)
        answer = self._call(_TOC_ENTRY, asked)
        if not isinstance(answer, bytes):
            return None
        _, control, _, lba, _ = struct.unpack("=BBBxiBxxx", answer)
        return control >> 4, lba

    def _call(self, request: int, argument: int | bytes) -> int | bytes | None:
        import fcntl

        try:
            return fcntl.ioctl(self._fd, request, argument)
        except (OSError, OverflowError):
            return None


class WindowsDrive(NoDrive):  # pragma: no cover - Windows only
    """A drive of Windows, by DeviceIoControl."""

    def size(self) -> int:
        """Return the length of the volume."""
        answer = self._call(_WINDOWS_LENGTH, 8)
        return int.from_bytes(answer, "little") if answer else 0

    def contents(self) -> Contents:
        """Return the tracks."""
        answer = self._call(_WINDOWS_TOC, 804)  # CDROM_TOC
        if not answer:
            return Contents()
        entries = [answer[at : at + 8] for at in range(4, len(answer) - 7, 8)]
        tracks = [entry for entry in entries if entry[2] and entry[2] != _LEADOUT]
        n_data = sum(bool(entry[1] & _DATA_TRACK) for entry in tracks)
        return Contents((), n_data, len(tracks) - n_data, 0)

    def eject(self) -> bool:
        """Open the tray."""
        return self._call(_WINDOWS_EJECT, 0) is not None

    def _call(self, request: int, length: int) -> bytes | None:
        import msvcrt

        handle = msvcrt.get_osfhandle(self._fd)  # type: ignore[attr-defined]  # of Windows
        buffer = ctypes.create_string_buffer(length)
        returned = ctypes.c_ulong()
        done = ctypes.windll.kernel32.DeviceIoControl(  # type: ignore[attr-defined]  # of Windows
            ctypes.c_void_p(handle), request, None, 0,
            buffer, length, ctypes.byref(returned), None,
        )  # fmt: skip
        return buffer.raw[: returned.value] if done else None


def drive_of(fd: int) -> Drive:
    """Return the drive behind a handle."""
    if sys.platform.startswith("linux"):
        return LinuxDrive(fd)
    return WindowsDrive(fd) if os.name == "nt" else NoDrive(fd)


def is_optical(path: str) -> bool:
    r"""Whether a drive of Windows (`D:`) takes discs."""
    if os.name != "nt":
        return False
    root = f"{path[:2]}\\"  # pragma: no cover - Windows only
    return bool(ctypes.windll.kernel32.GetDriveTypeW(root) == _CDROM)  # type: ignore[attr-defined,unused-ignore]  # of Windows  # pragma: no cover

r"""Names on media: received ones made safe, and ours made good for the operating system.

A received name may be absolute, climb out by `..`, name a drive or a device, or hold bytes that
are no text; none of these may reach the file system.
"""

from __future__ import annotations

import ntpath
import os
import re
from pathlib import Path

_DRIVE = re.compile(r"^[A-Za-z]:")


def safe_path(name: str) -> str | None:
    r"""Return a received name as parts joined by "/", None where it leaves its root.

    Backslashes separate as well; empty parts and `.` are dropped. `..` anywhere, a leading slash,
    a drive letter and NUL are refused rather than repaired, since nobody knows what was meant.
    """
    name = name.replace("\\", "/")
    if not name or "\0" in name or name.startswith("/") or _DRIVE.match(name):
        return None
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or ".." in parts:
        return None
    return "/".join(parts)


def fold(path: str) -> str:
    """Return what two spellings of one name on a disc have in common.

    Upper case (ISO 9660 section 7.5), without version number and without a trailing dot
    (sections 7.5.1, 7.5.2), parts joined by "/".
    """
    parts = []
    for part in path.replace("\\", "/").upper().split("/"):
        name, mark, version = part.rpartition(";")
        parts.append((name if mark and version.isdigit() else part).rstrip("."))
    return "/".join(part for part in parts if part)


def native_path(path: str, *, windows: bool = os.name == "nt") -> str:
    r"""Return an absolute path in the form in which the operating system takes any length.

    On Windows `C:\very\long` becomes `\\?\C:\very\long` and `\\server\share\x` becomes
    `\\?\UNC\server\share\x`; a bare drive `D:` means its root and not its current folder.
    """
    if not windows:
        return path
    if len(path) == 2 and _DRIVE.match(path):
        path += "\\"
    path = ntpath.normpath(path)
    if path.startswith(("\\\\?\\", "\\\\.\\")):
        return path
    if path.startswith("\\\\"):
        return "\\\\?\\UNC\\" + path[2:]
    return "\\\\?\\" + path if ntpath.isabs(path) else path


def is_folder(path: str) -> bool:
    """Whether a path is a folder, as far as the system says."""
    try:
        return bool(path) and Path(path).is_dir()
    except (OSError, ValueError):
        return False


def drive_device(path: str) -> str | None:
    r"""Return the raw device of a Windows drive (`D:`, `D:\` to `\\.\D:`), None for other paths."""
    return f"\\\\.\\{path[0].upper()}:" if re.fullmatch(r"[A-Za-z]:[\\/]?", path) else None


class UniqueNames:
    """Gives a second owner of a name another one: archives and damaged discs hold some twice."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def take(self, name: str) -> str:
        """Return `name`, or `name~2`, `name~3` where it is taken."""
        wanted = name
        while name in self._taken:
            self._taken[wanted] += 1
            name = f"{wanted}~{self._taken[wanted]}"
        self._taken[name] = 1
        return name

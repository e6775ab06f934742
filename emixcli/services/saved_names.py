"""Names for the files of a medium in a new folder: such as every system takes, each given once."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_FORBIDDEN: Final = re.compile(
    r'[<>:"|?*\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]'
)
#: Bytes of a name: file systems take 255, of which some are for what makes it another one.
_LONGEST_NAME: Final = 230
_LONGEST_SUFFIX: Final = 16
#: Bytes of a path: Linux takes 4096, with the folder that it is below.
_LONGEST_PATH: Final = 2048


def safe_name(path: str, medium: int | None) -> str:
    """Return a path on a medium as one that every system takes.

    Parameters
    ----------
    medium
        Number of the medium, where several are saved and each gets a folder.
    """
    parts = [_short(_FORBIDDEN.sub("_", part).rstrip(". ") or "_") for part in path.split("/")]
    if sum(len(part.encode()) + 1 for part in parts) > _LONGEST_PATH:
        parts = parts[-1:]  # no system takes the path, however short its names are
    return "/".join(parts if medium is None else [f"medium-{medium + 1}", *parts])


def _short(name: str) -> str:
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    stem, suffix = posixpath.splitext(name)
    suffix = suffix if len(suffix.encode()) <= _LONGEST_SUFFIX else ""
    return stem.encode()[: _LONGEST_NAME - len(suffix.encode())].decode(errors="ignore") + suffix


class NewPlaces:
    """Gives paths below a folder that do not exist, however many names become equal."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[Path, Path] = {}
        self._numbers: dict[Path, int] = {}  # the last one that was given, where there is one

    def make(self, name: str) -> Path:
        """Return the path for a name, or for the next of `NAME~2`, `NAME~3` …; its folder is made.

        A folder whose name a file has taken gets another one in the same way.
        """
        folder = self._root
        *above, last = name.split("/")
        for part in above:
            folder = self._folder(folder / part)
        return self._free(folder / last)

    def _folder(self, wanted: Path) -> Path:
        found = self._folders.get(wanted)
        if found is None:
            found = wanted if wanted.is_dir() else self._free(wanted)
            found.mkdir(exist_ok=True)
            self._folders[wanted] = found
        return found

    def _free(self, wanted: Path) -> Path:
        number = self._numbers.get(wanted, 1)
        target = wanted if number == 1 else wanted.with_name(f"{wanted.name}~{number}")
        while target.exists():
            number += 1
            target = wanted.with_name(f"{wanted.name}~{number}")
        if number > 1:
            self._numbers[wanted] = number
        return target

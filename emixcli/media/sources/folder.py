# ruff: noqa: PTH116, PTH118, PTH119 - a pathlib object for each file costs more than reading its header
"""A folder, or a mounted disc, as a medium."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, BinaryIO

from emixcli.media.names import native_path
from emixcli.media.sources.base import (
    FileBytes,
    MediaFile,
    NotPermittedError,
    SourceNotes,
    stream_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe that took a file's place must not hang the scan
)
_MAX_DEPTH = 128
#: Enough for most headers.
_BLOCK = 16 * 1024
#: What is asked for of a file that is read soon.
_AHEAD = 1024 * 1024


class FolderSource:
    """All regular files below a folder. Links are never followed."""

    kind = "folder"
    medium = None

    def __init__(self, root: str) -> None:
        self._root = native_path(os.path.realpath(root))
        self.notes = SourceNotes()

    def iter_files(self) -> Iterator[MediaFile]:
        """Yield the files of each folder by name, then those of its folders."""
        self.notes = SourceNotes()
        stack = [("", 0)]
        while stack:
            folder, depth = stack.pop()
            prefix = f"{folder}/" if folder else ""
            names, folders = self._list(folder)
            for name in names:
                yield _FolderFile(self._path(prefix + name), prefix + name)
            paths = [prefix + name for name in reversed(folders)]
            if depth < _MAX_DEPTH:
                stack += [(path, depth + 1) for path in paths]
            else:
                self.notes.unreadable += [(path, "folders nested too deeply") for path in paths]

    def _list(self, folder: str) -> tuple[list[str], list[str]]:
        """Return the names of regular files and of folders: an entry is ten times as large."""
        files: list[str] = []
        folders: list[str] = []
        try:
            with os.scandir(self._native(folder)) as entries:
                for entry in entries:
                    if entry.is_symlink() or _is_junction(entry):
                        self._note_link(entry)
                    elif entry.is_file(follow_symlinks=False):
                        files.append(entry.name)
                    elif entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
        except PermissionError:
            self.notes.forbidden.append((folder or ".", "no permission to look into the folder"))
            return [], []
        except OSError:
            self.notes.unreadable.append((folder or ".", "folder cannot be read"))
            return [], []
        files.sort()
        folders.sort()
        return files, folders

    def _note_link(self, entry: os.DirEntry[str]) -> None:
        target = os.path.realpath(entry.path)
        root = os.path.join(self._root, "")
        if not target.startswith(root) and target != self._root:
            self.notes.codes["D07"] += 1

    def _native(self, path: str) -> str:
        return os.path.join(self._root, *path.split("/")) if path else self._root

    def read_head(self, path: str, length: int) -> tuple[bytes, int]:
        """Return the first bytes of a file, fewer only where it is shorter, and its size.

        Raises
        ------
        OSError
            Where it cannot be read.
        """
        fd = self._open(path)
        try:
            head = os.read(fd, length)
            size = os.lseek(fd, 0, os.SEEK_END)
            if len(head) < length and len(head) < size:  # some file systems give a part
                head = FileBytes(fd, size).read_at(0, length)
        finally:
            os.close(fd)
        return head, size

    def expect(self, path: str) -> None:
        """Let the system begin to read a file that is read soon."""
        if not hasattr(os, "posix_fadvise"):
            return
        with contextlib.suppress(OSError):
            fd = self._open(path)
            try:
                os.posix_fadvise(fd, 0, _AHEAD, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(fd)

    def open_bytes(self, path: str) -> FileBytes:
        """Return the content of a file."""
        return FileBytes(self._open(path))

    def _open(self, path: str) -> int:
        try:
            return os.open(self._path(path), _FLAGS)
        except PermissionError as exc:
            raise NotPermittedError(exc.errno, "may not be opened") from exc

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}" if os.sep == "/" else self._native(path)

    def extents(self, path: str) -> list[tuple[int, int]]:
        """Return nothing: where files lie is the system's affair."""
        del path
        return []

    def open(self, path: str) -> BinaryIO:
        """Return the content of a file as a stream."""
        return open(self._path(path), "rb", _BLOCK, opener=_opener)

    def close(self) -> None:
        """Nothing is held open."""


def _opener(path: str, _flags: int) -> int:
    return os.open(path, _FLAGS)


class _FolderFile(MediaFile):
    """A file whose size is asked for where it is needed: opening it tells it as well."""

    __slots__ = ("_native",)

    def __init__(self, native: str, path: str) -> None:
        self._native = native
        self.path = path
        self.missing = self.lost = self.damaged = 0

    @property
    def size(self) -> int:
        """In bytes; 0 where it cannot be told."""
        try:
            return os.lstat(self._native).st_size
        except OSError:
            return 0


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Whether a folder of Windows is a mount point or junction, which may lead anywhere."""
    if os.name != "nt":
        return False
    attributes = getattr(entry.stat(follow_symlinks=False), "st_file_attributes", 0)
    return bool(attributes & 0x400)  # FILE_ATTRIBUTE_REPARSE_POINT


class FileSource:
    """One file as a medium."""

    kind = "file"
    medium = None

    def __init__(self, path: str) -> None:
        self._path = native_path(os.path.realpath(path))
        self._name = os.path.basename(self._path)
        self.notes = SourceNotes()

    def iter_files(self) -> Iterator[MediaFile]:
        """Yield the file."""
        yield MediaFile(self._name, os.stat(self._path).st_size)

    def open_bytes(self, path: str) -> FileBytes:
        """Return the content of the file."""
        if path != self._name:
            raise FileNotFoundError(errno.ENOENT, "not among the listed files")
        fd = os.open(self._path, _FLAGS)
        return FileBytes(fd)

    def extents(self, path: str) -> list[tuple[int, int]]:
        """Return nothing: where files lie is the system's affair."""
        del path
        return []

    def open(self, path: str) -> BinaryIO:
        """Return the content of the file as a stream."""
        return stream_of(self.open_bytes(path))

    def close(self) -> None:
        """Nothing is held open."""

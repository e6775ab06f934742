"""Reads entries by pyzipper; imported only where a package is read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import pyzipper

from emixcli.container.entry import zip_password
from emixcli.container.zipreader import damaged
from emixcli.errors import NoMatchingKeyError

_PIECE = 1024 * 1024


class EntryReader:
    """Reads entries by pyzipper; everything that it may raise becomes our own error.

    Parameters
    ----------
    file
        The package.
    key
        The package key.
    """

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        try:
            self._zip = pyzipper.AESZipFile(file)
        except _FOREIGN as exc:
            raise damaged("the directory of the package is damaged") from exc
        self._zip.setpassword(zip_password(key))

    def pieces(self, name: str, size: int) -> Iterator[bytes]:
        """Yield the plain bytes of an entry, authenticated once the last one is out.

        Raises
        ------
        PackageDamagedError
            The bytes are not those that were written.
        NoMatchingKeyError
            The key is not that of this package.
        """
        left = size
        try:
            with self._zip.open(name) as member:
                while True:
                    piece = member.read(_PIECE)
                    left -= len(piece)
                    if left < 0:
                        raise damaged(f"entry {name} is damaged")
                    if not piece:
                        break
                    yield piece
        except RuntimeError as exc:  # pyzipper: the password verifier does not fit
            raise NoMatchingKeyError("the key is not that of this package") from exc
        except _FOREIGN as exc:
            raise damaged(f"entry {name} is damaged") from exc
        if left:
            raise damaged(f"entry {name} is damaged")


_FOREIGN = (
    pyzipper.BadZipFile, zlib.error, struct.error, EOFError, ValueError, KeyError, IndexError,
    NotImplementedError, AttributeError, TypeError, OSError,
)  # fmt: skip

"""The seam to where the bytes lie: local files now, any S3-compatible store later.

A store knows nothing of accounts or shares. It takes numbered parts by URLs that it signs, keeps
them as one object once complete, and gives back ranges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

_MD5_LENGTH = 32


@dataclass(frozen=True)
class Part:
    """A part as it lies in the store; `digest` is its MD5 or SHA-256 in hex."""

    number: int
    size: int
    digest: str

    @property
    def algorithm(self) -> str:
        """`md5` or `sha256`."""
        return "md5" if len(self.digest) == _MD5_LENGTH else "sha256"


@dataclass(frozen=True)
class SignedPart:
    """Where and how a client puts one part."""

    number: int
    method: str
    url: str
    headers: Mapping[str, str]


class PartsMismatchError(Exception):
    """The parts in the store are not those that were declared."""


class ObjectReader(Protocol):
    """Reads ranges of one object; used by one thread at a time."""

    size: int

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`; fewer only at the end.

        Raises
        ------
        KeyError
            The object is gone.
        """

    def find_file(self, offset: int) -> tuple[int, int, int] | None:
        """Descriptor, position and number of bytes of the file that holds the bytes at `offset`.

        None where the bytes are not in files of this machine. The descriptor is good until the next
        call.

        Raises
        ------
        KeyError
            The object is gone.
        """

    def close(self) -> None:
        """Release what is open."""


class Store(Protocol):
    """Bytes by key. All calls block; the caller runs them in a thread."""

    #: The digest that a client should sign parts with: the fastest that the store checks itself.
    #: `md5` is taken by every store.
    part_digest: str

    def begin(self, key: str) -> None:
        """Make ready to take parts; nothing happens when that was done before."""

    def sign_part(self, key: str, part: Part, *, expires_ms: int) -> SignedPart:
        """A URL that takes exactly this part until the moment given."""

    def list_parts(self, key: str) -> list[Part]:
        """The parts that have arrived whole, by number.

        A failure of power before `complete` may take one of them; it is then no longer listed.
        """

    def complete(self, key: str, parts: Sequence[Part]) -> None:
        """Make one object of exactly these parts, safe against a failure of power.

        Again with the same parts changes nothing.

        Raises
        ------
        PartsMismatchError
            A part is missing or differs; nothing was changed.
        """

    def open(self, key: str) -> ObjectReader:
        """Open a completed object.

        Raises
        ------
        KeyError
            No such object.
        """

    def delete(self, key: str) -> None:
        """Remove the object or the unfinished upload with all parts; done before is fine."""

    def iter_keys(self) -> Iterator[str]:
        """All keys that hold any bytes, complete or not."""

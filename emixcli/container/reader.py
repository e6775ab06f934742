"""Opens a package: finds its key, reads index and manifest, hands out checked entries."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from emixcli.container import layout
from emixcli.container.encoding import from_base64url, from_json
from emixcli.container.entry import zip_password
from emixcli.container.manifest import check_signature
from emixcli.container.manifest_reader import Manifest, ManifestEntry, load_manifest
from emixcli.container.page import (
    MAX_PAGE,
    check_format,
    read_package_element,
    read_slots,
    require_page,
)
from emixcli.container.zipreader import Directory, damaged, file_size, read_at, read_directory
from emixcli.errors import PackageDamagedError

if TYPE_CHECKING:
    from emixcli.container.slots import Slot

_PIECE = 1024 * 1024
#: Largest index or manifest that is read into memory.
_MAX_JSON = 1024 * 1024 * 1024
_FIRST_HEAD = 64 * 1024


@dataclass(frozen=True)
class PackageHead:
    """What the page says of the package without any key; nothing of it is authenticated.

    `size` is what the package had when it was made, `file_size` what is there.
    """

    package_id: str
    size: int
    file_size: int
    page_length: int
    n_entries: int
    slots: list[Slot]


def read_head(file: BinaryIO) -> PackageHead:
    """Return what the page says of the package.

    Raises
    ------
    PackageDamagedError
        Not a package, or its head is damaged.
    PackageVersionError
        Made by a newer format version.
    """
    size = file_size(file)
    length = min(_FIRST_HEAD, size)
    while True:
        head = read_at(file, 0, length)
        try:
            package = read_package_element(head)
            slots = read_slots(head)
            break
        except PackageDamagedError:
            if length >= min(size, MAX_PAGE):
                require_page(head)
                raise
            length = min(length * 16, size, MAX_PAGE)
    return PackageHead(
        package_id=package["package_id"],
        size=package["size"],
        file_size=size,
        page_length=package["page_length"],
        n_entries=package["entries"],
        slots=slots,
    )


class PackageReader:
    """An open package.

    Parameters
    ----------
    file
        Seekable; closed by `close`.
    head
        From `read_head`.
    key
        The package key.

    Raises
    ------
    PackageDamagedError
        Index, manifest or directory are not what was written.
    PackageVersionError
        Made by a newer format version.
    NoMatchingKeyError
        The key is not that of this package.
    """

    def __init__(self, file: BinaryIO, head: PackageHead, key: bytes) -> None:
        from emixcli.container.entry_reader import EntryReader  # brings a cipher library

        self.file, self.head, self.key = file, head, key
        self.directory: Directory = read_directory(file)
        self.size = file_size(file)
        self._entries = EntryReader(file, key)
        self._sizes = {entry.name: entry.size for entry in self.directory.entries[-2:]}
        if list(self._sizes) != [layout.MANIFEST, layout.SIGNATURE]:
            raise damaged("the manifest is not at the end of the package")
        self.manifest_bytes = self._read_unchecked(layout.MANIFEST)
        self.manifest: Manifest = load_manifest(self.manifest_bytes, self.directory.entries)
        if self.manifest.package_id != head.package_id:
            raise damaged("head and manifest name different packages")
        self.index: dict[str, Any] = self._load_index()

    def _read_unchecked(self, name: str) -> bytes:
        if self._sizes[name] > _MAX_JSON:
            raise damaged(f"entry {name} is too large")
        return b"".join(self._entries.pieces(name, self._sizes[name]))

    def _load_index(self) -> dict[str, Any]:
        if self.entry(layout.INDEX).size > _MAX_JSON:
            raise damaged("the index is too large")
        content = self.read(layout.INDEX)
        if hashlib.sha256(content).hexdigest() != self.manifest.index_sha256:
            raise damaged("the index is not the one that the manifest names")
        try:
            index = from_json(content)
        except ValueError as exc:
            raise damaged("the index is damaged") from exc
        if not isinstance(index, dict) or not isinstance(index.get("patients"), list):
            raise damaged("the index is damaged")
        check_format(index.get("format"))
        if index.get("package_id") != self.manifest.package_id:
            raise damaged("index and manifest name different packages")
        return index

    @property
    def password(self) -> str:
        """The ZIP password."""
        return zip_password(self.key).decode("ascii")

    def entry(self, name: str) -> ManifestEntry:
        """Return what the manifest says of an entry.

        Raises
        ------
        PackageDamagedError
            There is none of that name.
        """
        try:
            return self.manifest.entries[name]
        except KeyError as exc:
            raise damaged(f"entry {name} is missing") from exc

    def iter_pieces(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an entry; raises after the last one if they do not fit the manifest.

        Raises
        ------
        PackageDamagedError
            The entry is missing or damaged.
        """
        if name in {layout.MANIFEST, layout.SIGNATURE}:  # in no manifest; the signature holds them
            yield from self._entries.pieces(name, self._sizes[name])
            return
        entry = self.entry(name)
        digest = hashlib.sha256()
        for piece in self._entries.pieces(name, entry.size):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != entry.sha256:
            raise damaged(f"entry {name} is not the one that the manifest names")

    def read(self, name: str) -> bytes:
        """Return the bytes of an entry, checked against the manifest."""
        return b"".join(self.iter_pieces(name))

    def open(self, name: str) -> BinaryIO:
        """Return the bytes of an entry as a file, checked against the manifest."""
        return io.BytesIO(self.read(name))

    def check_signature(self) -> bytes:
        """Return the public key that signed the manifest, which the index names too.

        Raises
        ------
        PackageDamagedError
            The signature does not fit.
        """
        signature = self._read_unchecked(layout.SIGNATURE)
        signing_key = check_signature(self.manifest_bytes, signature)
        sender = self.index.get("sender")
        try:
            named = from_base64url(sender["key"] if isinstance(sender, dict) else "")
        except (KeyError, ValueError) as exc:
            raise damaged("the index does not name the sender's key") from exc
        if named != signing_key:
            raise damaged("the package was signed by another key than its sender's")
        return signing_key

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

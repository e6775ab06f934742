"""Bring a package to the exchange: announce it, send what is missing, seal it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from emixcli.container.page import (
    MAX_PAGE,
    SLOTS_LENGTH,
    find_slots,
    read_package_element,
    read_slots,
    slots_json,
)
from emixcli.errors import (
    EmixError,
    GoneError,
    MediaError,
    PackageDamagedError,
    UploadInterruptedError,
    UsageError,
)
from emixcli.exchange.interface import (
    AccountedPatient,
    Exchange,
    Package,
    Part,
    Seal,
    SealedPart,
)
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.spool import FilePart, PackageFile
from emixcli.services.uploader import Uploaded, Uploader, UploadTarget, interrupted, part_size_for

#: States in which the bytes of a package are complete and never change.
SEALED = frozenset({"sealed", "shared"})
_OPEN = frozenset({"draft", "uploading"})


@dataclass(frozen=True, slots=True)
class Announced:
    """A package that the exchange expects or has.

    `parts` are those that have arrived; empty where it is sealed.
    """

    package: Package
    parts: dict[int, Part]

    @property
    def is_sealed(self) -> bool:
        """Whether nothing is left to send."""
        return self.package.state in SEALED


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What `upload_file` has done."""

    package: Package
    n_parts: int
    n_skipped: int


def announce(exchange: Exchange, package_id: str, *, size_bound: int) -> Announced:
    """Tell the exchange of a package, or find out how much of it has arrived.

    Raises
    ------
    GoneError
        The package was revoked, has expired or was purged: it needs a new id.
    """
    part_size = part_size_for(size_bound)
    package = exchange.create_package(package_id, part_size=part_size, size_bound=size_bound)
    if package.state in SEALED:
        return Announced(package, {})
    if package.state not in _OPEN:
        raise GoneError(f"the package is {package.state}", hint="send it anew")
    parts = {part.number: part for part in exchange.parts(package_id)}
    return Announced(package, parts)


def seal(exchange: Exchange, package_id: str, uploaded: Uploaded, *, slots_offset: int) -> Package:
    """Close a package whose parts have all arrived.

    Raises
    ------
    UploadInterruptedError
        The exchange does not have all parts, or was away for too long.
    """
    return seal_parts(
        exchange, package_id, uploaded.parts, size=uploaded.size, slots_offset=slots_offset
    )


def seal_parts(
    exchange: Exchange,
    package_id: str,
    parts: tuple[SealedPart, ...],
    *,
    size: int,
    slots_offset: int,
) -> Package:
    """Close a package by its list of parts; see `seal`."""
    request = Seal(size, "", parts, slots_offset, SLOTS_LENGTH)
    try:
        package = exchange.seal(package_id, request)
    except EmixError as error:
        raise interrupted(error) from error
    if package.state not in SEALED:
        raise UploadInterruptedError(
            "the exchange did not seal the package", hint="run the same command again"
        )
    return package


def upload_file(
    exchange: Exchange,
    path: Path,
    *,
    patients: Sequence[AccountedPatient] | None = None,
    progress: ProgressListener = SILENT,
    on_part: Callable[[SealedPart], object] = lambda _part: None,
) -> UploadResult:
    """Bring a finished package to the exchange.

    Ways to the key that rest on a code or passphrase do not go along: on the exchange they belong
    to shares.

    Parameters
    ----------
    patients
        For the accounting of disclosures; None where the organisation keeps none.

    Raises
    ------
    PackageDamagedError
        The file is not a package, or not all of one.
    """
    try:
        with path.open("rb") as file:
            result = _upload(exchange, file, path.stat().st_size, progress, on_part)
    except OSError as exc:
        raise MediaError("the package cannot be read", hint="check the file name") from exc
    if patients is not None:
        exchange.note_patients(result.package.package_id, patients)
    return result


def _upload(
    exchange: Exchange,
    file: BinaryIO,
    size: int,
    progress: ProgressListener,
    on_part: Callable[[SealedPart], object],
) -> UploadResult:
    head = file.read(MAX_PAGE)
    element = read_package_element(head)
    if element["size"] != size:
        raise PackageDamagedError(
            "the package is not complete", hint="emix verify says what is missing"
        )
    package_id, slots_offset = str(element["package_id"]), find_slots(head)
    bare = slots_json([slot for slot in read_slots(head) if slot.get("kind") == "hpke"])
    announced = announce(exchange, package_id, size_bound=size)
    if announced.is_sealed:
        return _already(announced.package, size)
    progress.stage("uploading", size)
    part_size = announced.package.part_size
    target = UploadTarget(
        exchange,
        package_id,
        part_size,
        known=announced.parts,
        part_digest=announced.package.part_digest,
    )
    head = head[:slots_offset] + bare + head[slots_offset + SLOTS_LENGTH :]
    source = PackageFile(file)
    with Uploader(target, progress=progress, on_part=on_part) as uploader:
        for start in range(0, size, part_size):
            uploader.add(FilePart(source, start, min(part_size, size - start), head))
        uploaded = uploader.finish()
    package = seal(exchange, package_id, uploaded, slots_offset=slots_offset)
    return UploadResult(package, len(uploaded.parts), uploaded.n_skipped)


def _already(package: Package, size: int) -> UploadResult:
    if package.size != size:
        raise UsageError(
            "the exchange has another package with this id", hint="make the package again"
        )
    return UploadResult(package, 0, 0)

"""Packages: one file that is a web page and an encrypted ZIP archive at once.

`plan_package` decides what goes in, `write_package` streams it into a sink, `open_package` reads
one. The format is `docs/format/package-v1.md`.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from emixcli.container import layout, plan
from emixcli.container.deep import Deepener
from emixcli.container.dicomdir import make_dicomdir
from emixcli.container.encoding import is_package_id, new_package_id, to_json
from emixcli.container.entry import Source, encode, encode_bytes
from emixcli.container.folded import Folded, Folder
from emixcli.container.identity import Identity, SigningKey
from emixcli.container.index import findings_json, iter_patients
from emixcli.container.manifest import (
    MANIFEST_START,
    entry_json,
    finish_manifest,
    losses_json,
    sign,
)
from emixcli.container.page import (
    FORMAT,
    SLOTS_LENGTH,
    find_slots,
    load_bundle,
    make_page,
    read_slots,
    slots_json,
)
from emixcli.container.plan import PackagePlan, Reader, Sender
from emixcli.container.reader import PackageHead, PackageReader, read_head
from emixcli.container.slots import KEY_LENGTH, Slot, open_slots
from emixcli.container.zipwriter import Lost, Sink, Written, ZipWriter, default_workers
from emixcli.errors import MediaError, UsageError
from emixcli.model import Document, FileSet, Instance
from emixcli.progress import SILENT, ProgressListener
from emixcli.reports.attached import describe_reports, load_report

__all__ = [
    "PackageHead",
    "PackagePlan",
    "PackageReader",
    "PackageResult",
    "Sender",
    "SigningKey",
    "Sink",
    "Slot",
    "load_head",
    "open_package",
    "plan_package",
    "read_head",
    "read_slots",
    "replace_slots",
    "write_package",
]


@dataclass(frozen=True)
class PackageResult:
    """What became of a package.

    `counts` has `instances`, `documents` and `lost`; `losses` is as in the manifest; the slots
    element's content is at `slots_offset`, `slots_length` bytes.
    """

    package_id: str
    size: int
    counts: dict[str, int]
    losses: list[dict[str, Any]]
    documents_lost: list[dict[str, Any]]
    slots_offset: int
    slots_length: int


def plan_package(
    file_set: FileSet,
    *,
    reports: Sequence[Path | layout.Report] = (),
    accept_reports: str = "",
    sender: Sender,
    package_id: str | None = None,
    created: str | None = None,
    reader: Reader | None = None,
    deidentification: Mapping[str, Any] | None = None,
    bundle: bytes | None = None,
) -> PackagePlan:
    """Return what a package of `file_set` will hold; writes nothing.

    Parameters
    ----------
    file_set
        What a scan found.
    reports
        More reports, from the disk or made before.
    accept_reports
        Why reports that do not fit the patient go along, where their rule lets them.
    sender
        Who sends.
    package_id, created
        Made new where None; given again to write the same package again.
    reader, bundle
        Opens the file set, and the viewer page: a `MediaReader` and the one that ships where None.
    deidentification
        What the index says of it; None where nothing was de-identified.

    Raises
    ------
    EmixError
        A report cannot be read or is of another patient; the viewer page is missing.
    """
    package_id = _checked_id(package_id) if package_id else new_package_id()
    page = make_page(load_bundle() if bundle is None else bundle)
    found = tuple(one if isinstance(one, layout.Report) else load_report(one) for one in reports)
    with _reader(file_set, reader) as media:
        deepener = Deepener(media, accept_reports)
        documents = describe_reports(file_set, found, media, accept=accept_reports)
        index = _fold_index(file_set, documents, deepener, deidentification)
    directory = make_dicomdir(file_set, package_id=package_id, extra=deepener.keys)
    made = (index, directory.content)
    return PackagePlan(
        file_set=file_set,
        reports=found,
        sender=sender,
        package_id=package_id,
        created=created or _now(),
        page=page,
        index_body=index,
        dicomdir=directory.content,
        invented=directory.invented,
        size_bound=plan.size_bound(file_set, reports=found, page=page, made=made),
        counts=_counts(file_set, reports=found),
        documents=tuple(map(plan.without_text, documents)),
    )


def _checked_id(package_id: str) -> str:
    if not is_package_id(package_id):
        raise UsageError("this is not a package id", hint="emix inspect shows the id of a package")
    return package_id


def _fold_index(
    file_set: FileSet,
    documents: list[dict[str, Any]],
    deepener: Deepener,
    deidentification: Mapping[str, Any] | None,
) -> Folded:
    """Return the index but its head."""
    index = Folder(b'"patients":')
    for piece in iter_patients(file_set, deepener):
        index.add(piece)
    deepener.check()
    tail = {
        "documents": documents,
        "findings": findings_json(file_set.findings),
        "deidentification": deidentification,
    }
    index.add(b"," + to_json(tail)[1:])
    return index.finish()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _counts(file_set: FileSet, *, reports: tuple[layout.Report, ...]) -> dict[str, int]:
    return {
        "patients": len(file_set.patients),
        "studies": sum(1 for _ in file_set.iter_studies()),
        "series": sum(1 for _ in file_set.iter_series()),
        "instances": sum(1 for _ in file_set.iter_instances()),
        "documents": len(file_set.documents) + len(reports),
    }


@contextlib.contextmanager
def _reader(file_set: FileSet, reader: Reader | None) -> Iterator[Reader]:
    if reader is not None:
        yield reader
        return
    from emixcli.media.reader import MediaReader

    with MediaReader(file_set) as media_reader:
        yield media_reader


@dataclass
class _Outcome:
    """What has been written so far."""

    records: Folder = field(default_factory=lambda: Folder(MANIFEST_START))
    index_sha256: str = ""
    lost: list[tuple[Lost, Instance]] = field(default_factory=list)
    documents_lost: list[dict[str, Any]] = field(default_factory=list)


def write_package(
    package_plan: PackagePlan,
    sink: Sink,
    *,
    key: bytes,
    slots: Sequence[Slot] | Callable[[], Sequence[Slot]],
    signing_key: SigningKey,
    workers: int | None = None,
    progress: ProgressListener = SILENT,
    reader: Reader | None = None,
) -> PackageResult:
    """Stream a package into `sink`; the same plan and key give the same bytes.

    Parameters
    ----------
    package_plan
        From `plan_package`.
    sink
        Gets the bytes in order, then the filled head of the page by `patch`.
    key
        The package key, 32 random bytes of this package alone.
    slots
        Ways to the key, or what returns them at the end.
    signing_key
        Signs the manifest.
    workers
        Threads that encode; one for each core where None.
    progress
        Hears the plain bytes that are done.
    reader
        Opens the file set; a `MediaReader` where None.

    Raises
    ------
    MediaError
        A large source failed after the first of its bytes were written. Smaller ones that fail
        are left out and listed in `losses`.
    """
    if len(key) != KEY_LENGTH:
        raise UsageError("a package key has 32 bytes", hint="")
    signing = signing_key.public_key().public_bytes_raw()
    index = plan.make_index(package_plan, signing)
    page = package_plan.page
    sink.write(page.blank)
    writer = ZipWriter(sink, key=key, offset=len(page.blank))
    progress.stage("packing", package_plan.file_set.size)
    with _reader(package_plan.file_set, reader) as media:
        outcome = _write_content(
            writer, plan.iter_sources(package_plan, index, media),
            workers=workers or default_workers(), progress=progress,
        )  # fmt: skip
    result = _finish(package_plan, writer, outcome, key=key, signing_key=signing_key)
    head = _head(package_plan, n_entries=writer.n_entries, size=result.size)
    sink.patch(*page.patch(head, list(slots() if callable(slots) else slots)))
    return result


def _head(package_plan: PackagePlan, *, n_entries: int, size: int) -> dict[str, Any]:
    """Return what the page says of the package without a key."""
    return {
        "format": FORMAT,
        "package_id": package_plan.package_id,
        "size": size,
        "page_length": package_plan.page_length,
        "entries": n_entries,
    }


def _write_content(
    writer: ZipWriter,
    sources: Iterator[tuple[Source, Instance | Document | layout.Report | None]],
    *,
    workers: int,
    progress: ProgressListener,
) -> _Outcome:
    outcome = _Outcome()
    origins: dict[str, Instance | Document | layout.Report | None] = {}

    def remember() -> Iterator[Source]:
        for source, origin in sources:
            origins[source.name] = origin
            yield source

    for written in writer.add_all(remember(), workers=workers):
        origin = origins.pop(written.source.name)
        if isinstance(written, Written):
            is_first = outcome.records.size == len(MANIFEST_START)
            outcome.records.add((b"" if is_first else b",") + entry_json(written))
            if written.source.name == layout.INDEX:
                outcome.index_sha256 = written.sha256
        elif isinstance(origin, Instance):
            outcome.lost.append((written, origin))
        else:
            outcome.documents_lost.append(
                {
                    "entry": written.source.name,
                    "bytes_lost": written.source.size,
                    "reason": written.reason,
                }
            )
        if origin is not None:
            progress.advance(written.source.size)
    return outcome


def _finish(
    package_plan: PackagePlan,
    writer: ZipWriter,
    outcome: _Outcome,
    *,
    key: bytes,
    signing_key: SigningKey,
) -> PackageResult:
    """Write manifest, signature, directory; return the result."""
    counts = dict(package_plan.counts)
    counts["instances"] -= len(outcome.lost)
    counts["documents"] -= len(outcome.documents_lost)
    counts["lost"] = len(outcome.lost) + len(outcome.documents_lost)
    losses = losses_json(outcome.lost)
    manifest = finish_manifest(
        outcome.records,
        package_id=package_plan.package_id,
        index_sha256=outcome.index_sha256,
        page=package_plan.page,
        losses=losses,
        counts=counts,
        documents_lost=outcome.documents_lost,
    )
    writer.add(encode(plan.folded_source(layout.MANIFEST, manifest), key))
    signature = sign(manifest.read(), signing_key)
    writer.add(encode_bytes(layout.SIGNATURE, signature, key, compress=False))
    size = writer.finish()
    return PackageResult(
        package_id=package_plan.package_id,
        size=size,
        counts=counts,
        losses=losses,
        documents_lost=outcome.documents_lost,
        slots_offset=package_plan.page.slots_offset,
        slots_length=SLOTS_LENGTH,
    )


def open_package(
    source: Path | str | BinaryIO,
    *,
    code: str | None = None,
    key: bytes | None = None,
    identity: Identity | None = None,
) -> PackageReader:
    """Return an open package whose index and manifest have been read and checked.

    Parameters
    ----------
    source
        A path, or a seekable binary file; one that reads by HTTP ranges does.
    code
        Access code, or passphrase where the package has such a slot.
    key
        The package key itself.
    identity
        Own keys, for packages made for oneself.

    Raises
    ------
    NoMatchingKeyError
        Nothing given opens the package.
    PassphraseError
        The access code is mistyped.
    PackageDamagedError
        Not a package, or damaged, cut short or changed.
    PackageVersionError
        Made by a newer format version.
    MediaError
        The file cannot be read.
    """
    file = _open_source(source)
    try:
        head = read_head(file)
        if key is None:
            key = open_slots(head.slots, package_id=head.package_id, code=code, identity=identity)
        return PackageReader(file, head, key)
    except BaseException:
        file.close()
        raise


def load_head(path: Path) -> PackageHead:
    """Return what a package file says of itself without a key; nothing of it is authenticated.

    Raises
    ------
    EmixError
        As `open_package`.
    """
    with _open_source(path) as file:
        return read_head(file)


def _open_source(source: Path | str | BinaryIO) -> BinaryIO:
    if not isinstance(source, Path | str):
        return source
    try:
        return Path(source).open("rb")
    except OSError as exc:
        raise MediaError(
            "the package cannot be read", hint="check its name; it is a file that emix pack made"
        ) from exc


def replace_slots(path: Path, slots: Sequence[Slot]) -> None:
    """Replace all slots of a package file, in place; no other byte moves.

    Raises
    ------
    PackageDamagedError
        Not a package.
    MediaError
        The file cannot be written.
    """
    try:
        with path.open("r+b") as file:
            head = read_head(file)
            file.seek(0)
            offset = find_slots(file.read(head.page_length))
            file.seek(offset)
            file.write(slots_json(list(slots)))
    except OSError as exc:
        raise MediaError("the package cannot be changed", hint="check its permissions") from exc

"""Make a package of what is on media: scan, choose, plan, encrypt, write."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emixcli import config
from emixcli.container.code import find_code, generate_code
from emixcli.container.identity import Identity, PublicIdentity, load_identity, load_public
from emixcli.container.sink import FileSink
from emixcli.container.slots import (
    KEY_LENGTH,
    Slot,
    check_passphrase,
    make_code_slot,
    make_hpke_slot,
    make_passphrase_slot,
)
from emixcli.errors import OutputExistsError
from emixcli.media.scan import require_dicom, scan_media
from emixcli.media.select import select
from emixcli.package import PackagePlan, PackageResult, Sender, plan_package, write_package
from emixcli.progress import SILENT, ProgressListener

if TYPE_CHECKING:
    from emixcli.model import FileSet


@dataclass(frozen=True, kw_only=True)
class PackRequest:
    """What to pack.

    `patients` and `studies` choose as `media.select` says. `reports` are files from elsewhere;
    `recipients` are public key files.
    """

    paths: Sequence[str]
    patients: Sequence[str] = ()
    studies: Sequence[str] = ()
    all_patients: bool = False
    reports: Sequence[Path] = ()
    recipients: Sequence[Path] = ()
    sender: Sender | None = None
    workers: int | None = None


@dataclass(frozen=True)
class Prepared:
    """A package that is ready to be written.

    `file_set` is what was scanned; `n_reports_left_out` counts reports on the medium that may be
    of a patient who was not chosen.
    """

    plan: PackagePlan
    file_set: FileSet
    identity: Identity
    recipients: tuple[PublicIdentity, ...]
    n_reports_left_out: int
    workers: int | None


@dataclass(frozen=True)
class PackResult:
    """A package that was written; `code` is the access code where one was generated."""

    package: PackageResult
    prepared: Prepared
    slot_kinds: list[str] = field(default_factory=list)
    code: str | None = None

    @property
    def is_partial(self) -> bool:
        """Whether something on the medium is not in the package as it should be."""
        return bool(self.package.counts["lost"] or self.prepared.file_set.unreadable)


def prepare(request: PackRequest, *, progress: ProgressListener = SILENT) -> Prepared:
    """Scan the media and plan the package; writes nothing.

    Raises
    ------
    EmixError
        Nothing to pack, several patients and no choice, a report or key file that cannot be read.
    """
    recipients = tuple(load_public(path) for path in request.recipients)
    identity = load_identity()
    scanned = scan_media(request.paths, progress=progress)
    require_dicom(scanned)
    chosen = select(
        scanned,
        patients=request.patients,
        studies=request.studies,
        all_patients=request.all_patients,
    )
    n_left_out = 0
    if len(chosen.patients) < len(scanned.patients):
        # a report beside the images says nowhere reliably whose it is
        n_left_out = len(chosen.documents)
        chosen = replace(chosen, documents=())
    progress.stage("indexing")
    plan = plan_package(
        chosen, reports=request.reports, sender=request.sender or configured_sender()
    )
    return Prepared(plan, scanned, identity, recipients, n_left_out, request.workers)


def configured_sender() -> Sender:
    """Return the sender that the settings name."""
    settings = config.load()
    return Sender(settings.sender_name, settings.organisation)


def pack(
    prepared: Prepared,
    output: Path,
    *,
    secret: str | None = None,
    progress: ProgressListener = SILENT,
) -> PackResult:
    """Write the package to a file.

    Parameters
    ----------
    prepared
        From `prepare`.
    output
        The file; must not exist.
    secret
        An access code or passphrase of the sender's own; an access code is generated where None.
    progress
        Hears the stages.

    Raises
    ------
    PassphraseError
        The passphrase is too weak.
    OutputError
        The file exists or cannot be written; none is left behind.
    """
    check_output(output)
    key = secrets.token_bytes(KEY_LENGTH)
    code = generate_code() if secret is None else None
    with ThreadPoolExecutor(1) as pool, FileSink(output) as sink:
        # the key derivation takes as long as 30 MB of packing: both at once
        making = pool.submit(make_slots, prepared, key, secret=secret if code is None else code)
        result = write_package(
            prepared.plan,
            sink,
            key=key,
            slots=making.result,
            signing_key=prepared.identity.signing_key,
            workers=prepared.workers,
            progress=progress,
        )
    return PackResult(result, prepared, [str(slot["kind"]) for slot in making.result()], code)


def check_output(output: Path) -> None:
    """Refuse an output that exists, before the media are read.

    Raises
    ------
    OutputExistsError
        It exists.
    """
    if output.exists() or output.is_symlink():
        raise OutputExistsError(
            f"{output.name} exists already", hint="choose another name or remove it first"
        )


def make_slots(prepared: Prepared, key: bytes, *, secret: str | None) -> list[Slot]:
    """Return the slots of a new package: code or passphrase, recipients, own key."""
    package_id = prepared.plan.package_id
    slots: list[Slot] = []
    if secret is not None and find_code(secret) is not None:
        slots.append(make_code_slot(secret, key, package_id=package_id)[0])
    elif secret is not None:
        slots.append(make_passphrase_slot(secret, key, package_id=package_id))
    publics = (*prepared.recipients, prepared.identity.public)
    return slots + [make_hpke_slot(public, key, package_id=package_id) for public in publics]


def check_secret(secret: str) -> None:
    """Refuse a secret that is neither an access code nor a strong passphrase, before any work.

    Raises
    ------
    PassphraseError
        Too weak.
    """
    if find_code(secret) is None:
        check_passphrase(secret)

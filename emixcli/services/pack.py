"""Make a package of what is on media: scan, choose, plan, encrypt, write."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

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
from emixcli.package import PackagePlan, PackageResult, Sender, plan_package, write_package
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.secret_file import secret_written
from emixcli.services.selection import Choice, Selection, choose


@dataclass(frozen=True, kw_only=True)
class PackRequest:
    """What to pack, and for whom: `recipients` are public key files."""

    selection: Selection
    recipients: Sequence[Path] = ()
    sender: Sender | None = None
    workers: int | None = None


@dataclass(frozen=True)
class Prepared:
    """A package that is ready to be written."""

    plan: PackagePlan
    choice: Choice
    identity: Identity
    recipients: tuple[PublicIdentity, ...]
    workers: int | None


@dataclass(frozen=True)
class PackResult:
    """A package that was written; `code` is the access code where one was generated."""

    package: PackageResult
    prepared: Prepared
    slot_kinds: list[str] = field(default_factory=list)
    code: str | None = None


def prepare(request: PackRequest, *, progress: ProgressListener = SILENT) -> Prepared:
    """Scan the media and plan the package; writes nothing.

    Raises
    ------
    EmixError
        Nothing to pack, several patients and no choice, a report or key file that cannot be read.
    """
    recipients = tuple(load_public(path) for path in request.recipients)
    identity = load_identity()
    choice = choose(request.selection, progress=progress)
    progress.stage("indexing")
    plan = plan_package(
        choice.file_set,
        reports=choice.reports,
        sender=request.sender or configured_sender(),
        reader=choice.reader,
        deidentification=choice.deidentification,
    )
    return Prepared(plan, choice, identity, recipients, request.workers)


def configured_sender() -> Sender:
    """Return the sender that the settings name."""
    settings = config.load()
    return Sender(settings.sender_name, settings.organisation)


def pack(
    prepared: Prepared,
    output: Path,
    *,
    secret: str | None = None,
    code_out: Path | None = None,
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
    code_out
        Where a generated code is written, before the package: no package is without its code.
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
    with secret_written(code_out, code), ThreadPoolExecutor(1) as pool, FileSink(output) as sink:
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
            reader=prepared.choice.reader,
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

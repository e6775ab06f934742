"""Make a package of what is on media: scan, choose, plan, encrypt, write."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from emixcli.container.identity import Identity, PublicIdentity, load_identity, load_public
from emixcli.container.sink import FileSink
from emixcli.package import PackagePlan, PackageResult, Sender, write_package
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.planning import find_sender, plan_selection
from emixcli.services.secret_file import secret_written
from emixcli.services.targets import check_new, check_outside

if TYPE_CHECKING:
    from emixcli.services.sealing import Sealing
    from emixcli.services.selection import Choice, Selection


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


def prepare(
    request: PackRequest, *, package_id: str | None = None, progress: ProgressListener = SILENT
) -> Prepared:
    """Scan the media and plan the package; writes nothing.

    Raises
    ------
    EmixError
        Nothing to pack, several patients and no choice, a report or key file that cannot be read.
    """
    recipients = tuple(load_public(path) for path in request.recipients)
    identity = load_identity()
    choice, plan = plan_selection(
        request.selection,
        request.sender or find_sender(),
        package_id=package_id,
        progress=progress,
    )
    return Prepared(plan, choice, identity, recipients, request.workers)


def pack(
    prepared: Prepared,
    output: Path,
    sealing: Sealing,
    *,
    code_out: Path | None = None,
    progress: ProgressListener = SILENT,
) -> PackResult:
    """Write the package to a file.

    Parameters
    ----------
    prepared
        From `prepare`, with the id of `sealing`.
    output
        The file; must not exist.
    sealing
        Its secrets.
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
    publics = (*prepared.recipients, prepared.identity.public)
    written = secret_written(code_out, sealing.code)
    with contextlib.closing(prepared.choice), written, FileSink(output) as sink:
        slots = sealing.slots(publics)
        result = write_package(
            prepared.plan,
            sink,
            key=sealing.key,
            slots=slots,
            signing_key=prepared.identity.signing_key,
            workers=prepared.workers,
            progress=progress,
            reader=prepared.choice.reader,
        )
    return PackResult(result, prepared, [str(slot["kind"]) for slot in slots], sealing.code)


def check_output(
    output: Path, code_out: Path | None = None, *, sources: Sequence[str] = ()
) -> None:
    """Refuse an output that exists, and outputs in the sources, before the media are read.

    Raises
    ------
    OutputExistsError
        It exists.
    OutputError
        It, or the file for the code, would be written below a source.
    """
    check_new(output, sources)
    check_outside(code_out, sources)

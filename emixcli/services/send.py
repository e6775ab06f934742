"""From media to recipients in one stream: scan, plan, pack and upload at once, seal, share.

Every step is in a journal before it is done, so that the same command after any crash goes on: the
package is made again with the same id, date and key, which gives the same bytes, and only the parts
that have not arrived are sent. The journal holds the key only under the sender's own public key.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emixcli.container.identity import load_identity
from emixcli.container.slots import KEY_LENGTH, Slot, make_hpke_slot, open_hpke_slot
from emixcli.errors import (
    EmixError,
    GoneError,
    NoMatchingKeyError,
    NotFoundError,
    PackageDamagedError,
    ReportError,
    UploadInterruptedError,
    UsageError,
)
from emixcli.exchange.interface import (
    Account,
    AccountedPatient,
    Exchange,
    SealedPart,
    Share,
)
from emixcli.package import PackagePlan, Sender, write_package
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.accounting import patients_of
from emixcli.services.journal import Journal, Record, journal_key
from emixcli.services.planning import plan_choice
from emixcli.services.recipients import require_confirmed
from emixcli.services.selection import Selection, choose, deidentified
from emixcli.services.share import (
    NewShare,
    Refusal,
    ShareOrder,
    live_shares,
    made_shares,
    share_package,
)
from emixcli.services.upload import SEALED, Announced, announce, seal, seal_parts
from emixcli.services.uploader import Uploader, UploadTarget, interrupted

if TYPE_CHECKING:
    from emixcli.container.identity import Identity
    from emixcli.services.deidentify import Deidentification
    from emixcli.services.selection import Choice


@dataclass(frozen=True)
class SendResult:
    """What was sent, and to whom not; `already` where an earlier run had done everything."""

    package_id: str
    size: int
    counts: dict[str, int]
    losses: list[dict[str, Any]]
    documents_lost: list[dict[str, Any]]
    shares: list[NewShare]
    refused: list[Refusal] = field(default_factory=list)
    n_parts: int = 0
    n_skipped: int = 0
    already: bool = False


@dataclass(frozen=True)
class Sending:
    """A send that is ready to run, or was run before.

    `resumed` says that an earlier run has begun it, `earlier` what that run has done where it came
    to the end.
    """

    choice: Choice
    sender: Sender
    plan: PackagePlan
    key: bytes
    slot: Slot
    identity: Identity
    journal: Journal
    resumed: bool
    earlier: SendResult | None = None
    #: For the accounting of disclosures; None where the organisation keeps none.
    patients: list[AccountedPatient] | None = None
    #: Of the key of de-identification, where this send has one of its own.
    salt: str | None = None


@dataclass(frozen=True)
class _Brought:
    record: Record
    n_parts: int = 0
    n_skipped: int = 0


@dataclass(frozen=True)
class Hooks:
    """Who hears of a send."""

    progress: ProgressListener = SILENT
    on_share: Callable[[NewShare], object] = field(default=lambda _new: None)


def request_key(
    choice: Choice,
    order: ShareOrder,
    *,
    url: str,
    account: Account,
    sender: Sender,
    how: Deidentification | None = None,
) -> str:
    """Return the name of the journal: what is sent, by whom, to whom, not where it lies.

    Parameters
    ----------
    choice
        Before it is de-identified, so that the same command finds its journal again.
    how
        How it will be.
    """
    digest = hashlib.sha256()
    for instance in choice.file_set.iter_instances():
        line = [instance.text("SOPInstanceUID"), instance.text("TransferSyntaxUID"), instance.size]
        digest.update(repr(line).encode("utf-8", "surrogatepass"))
    for document in choice.file_set.documents:
        digest.update(repr([document.kind, document.size]).encode())
    request = {
        "v": 1,
        "exchange": url,
        "account": account.account_id,
        "sender": [sender.name, sender.organisation],
        "to": sorted(address.casefold() for address in order.recipients),
        "purpose": order.purpose,
        "content": digest.hexdigest(),
        "reports": [_digest_of(path) for path in choice.reports if isinstance(path, Path)],
    }
    if order.request_id:
        request["answers"] = order.request_id
    if choice.report_policy is not None:
        request["reports_as"] = [str(choice.report_policy.mode), choice.report_policy.reviewer]
    if how is not None:
        request["deidentification"] = how.description()
    return journal_key(request)


def keyed(how: Deidentification | None, identity: Identity, salt: str) -> Deidentification | None:
    """Return the same with a key of this send alone, where the user gave none.

    It follows from the own key and a random value, which the journal has until the send has ended:
    a send that was interrupted goes on with the same bytes, and then nobody has the key any more.
    """
    return how and how.keyed(identity.derive(f"deid/{salt}"))


def _salt(journal: Journal, *, again: bool) -> str:
    """Return the random value for the key of this send: of the journal, where that goes on."""
    if journal.find("done") is not None:
        journal.forget("deid")  # a crash may have come before
    begun = None if again else journal.find("begin")
    return str((begun or {}).get("deid") or secrets.token_hex(KEY_LENGTH))


@contextlib.contextmanager
def prepared(
    selection: Selection,
    order: ShareOrder,
    exchange: Exchange,
    *,
    account: Account,
    sender: Sender,
    again: bool = False,
    progress: ProgressListener = SILENT,
) -> Iterator[Sending]:
    """Give a send with its journal: chosen, de-identified where that is asked for, planned.

    Raises
    ------
    EmixError
        No DICOM, several patients and no choice, objects that cannot be de-identified, a report
        of another patient.
    """
    choice = choose(selection, progress=progress)
    how, identity = selection.deidentification, load_identity()
    key = request_key(choice, order, url=exchange.url, account=account, sender=sender, how=how)
    with Journal("send", key) as journal:
        try:
            patients = patients_of(
                choice.file_set, account.accounting, is_deidentified=how is not None
            )
            salt = _salt(journal, again=again)
            choice = deidentified(choice, keyed(how, identity, salt), progress=progress)
            sending = prepare(choice, journal, sender=sender, identity=identity, again=again)
            if how is not None and how.key is None:
                sending = replace(sending, salt=salt)
            yield replace(_with_earlier(sending, exchange), patients=patients)
        finally:
            choice.close()
            if not journal.records:
                journal.remove()


def prepare(
    choice: Choice, journal: Journal, *, sender: Sender, identity: Identity, again: bool = False
) -> Sending:
    """Return a send that goes on where the journal stops; begins nothing.

    Parameters
    ----------
    again
        Forget what the journal says and send everything anew.
    """
    if again:
        journal.restart()
    begun = journal.find("begin")
    if begun is not None:
        try:
            key = open_hpke_slot(begun["slot"], identity, package_id=begun["package_id"])
        except (NoMatchingKeyError, PackageDamagedError, KeyError):
            journal.restart()
            begun = None
    if begun is None:
        plan = plan_choice(choice, sender)
        key = secrets.token_bytes(KEY_LENGTH)
        slot = make_hpke_slot(identity.public, key, package_id=plan.package_id)
    else:
        plan = plan_choice(choice, sender, package_id=begun["package_id"], created=begun["created"])
        slot = begun["slot"]
    return Sending(choice, sender, plan, key, slot, identity, journal, resumed=begun is not None)


def _with_earlier(sending: Sending, exchange: Exchange) -> Sending:
    """Return the send with what an earlier run of it has done, or a new one where that is over.

    A package that was revoked, has expired or was forgotten by the exchange, or a share that was
    recalled or revoked, makes the send start anew.
    """
    if sending.journal.find("done") is None:
        return sending
    packed = sending.journal.find("packed")
    try:
        package = exchange.package(sending.plan.package_id)
        shares = live_shares(package.shares)
        known = [r["share_id"] for r in sending.journal.records if r["step"] == "shared"]
        live = {share.share_id for share in shares}
        if package.state in SEALED and packed is not None and live.issuperset(known):
            return replace(sending, earlier=_earlier(sending, packed, shares))
    except (GoneError, NotFoundError):
        pass
    return _anew(sending)


def send(
    sending: Sending, exchange: Exchange, order: ShareOrder, *, hooks: Hooks | None = None
) -> SendResult:
    """Pack, upload, seal and share.

    Raises
    ------
    UploadInterruptedError
        The exchange was away for too long; the same send goes on where it stopped.
    RecipientUnconfirmedError
        Nobody may be sent to: nothing has left.
    """
    heard = hooks or Hooks()
    journal = sending.journal
    require_confirmed(exchange, order, journal)
    try:
        brought = _bring(sending, exchange, heard.progress)
    except (GoneError, NotFoundError):
        if not sending.resumed:
            raise
        heard.progress.note("the exchange no longer has what was sent before: starting anew")
        sending = _anew(sending)
        brought = _bring(sending, exchange, heard.progress)
    if sending.patients is not None:
        exchange.note_patients(sending.plan.package_id, sending.patients)
    shared = share_package(
        exchange,
        sending.key,
        order,
        package_id=sending.plan.package_id,
        journal=journal,
        on_share=heard.on_share,
    )
    return replace(_result(sending, brought, shared.made), refused=shared.refused)


def finish(sending: Sending) -> None:
    """Note that every recipient has a share and the codes were handed over.

    A key of de-identification that the send has alone is forgotten.
    """
    if sending.journal.find("done") is None:
        sending.journal.append("done")
    sending.journal.forget("deid")


def _anew(sending: Sending) -> Sending:
    """Return the same send with a new package: id, date and key."""
    fresh = prepare(
        sending.choice,
        sending.journal,
        sender=sending.sender,
        identity=sending.identity,
        again=True,
    )
    return replace(fresh, patients=sending.patients, salt=sending.salt)


def _bring(sending: Sending, exchange: Exchange, progress: ProgressListener) -> _Brought:
    """Make sure that the whole package is on the exchange, sealed."""
    plan, journal = sending.plan, sending.journal
    if journal.find("begin") is None:
        own = {} if sending.salt is None else {"deid": sending.salt}
        slot = sending.slot
        journal.append("begin", package_id=plan.package_id, created=plan.created, slot=slot, **own)
    announced = announce(exchange, plan.package_id, size_bound=plan.size_bound)
    packed = journal.find("packed")
    if announced.is_sealed:
        if packed is None:
            raise UsageError("the journal of this command is damaged", hint="send it anew: --again")
        return _Brought(packed)
    _tell_loss(journal, announced, progress)
    if packed is not None and _has_all(announced, packed):
        parts = tuple(SealedPart(*part) for part in packed["parts"])
        seal_parts(
            exchange,
            plan.package_id,
            parts,
            size=packed["size"],
            slots_offset=packed["slots_offset"],
        )
        return _Brought(packed, len(parts), len(parts))
    return _stream(sending, exchange, announced, progress)


def _stream(
    sending: Sending, exchange: Exchange, announced: Announced, progress: ProgressListener
) -> _Brought:
    """Pack into the upload and seal it."""
    plan, journal = sending.plan, sending.journal
    target = UploadTarget(
        exchange,
        plan.package_id,
        announced.package.part_size,
        held=plan.page_length,
        known=announced.parts,
        part_digest=announced.package.part_digest,
    )
    progress.stage("sending", plan.size_bound)

    def note(part: SealedPart) -> None:
        journal.append("part", number=part.number, size=part.size, md5=part.md5)

    try:
        with Uploader(target, on_part=note, progress=progress) as uploader:
            made = write_package(
                plan,
                uploader,
                key=sending.key,
                slots=[sending.slot],
                signing_key=sending.identity.signing_key,
                reader=sending.choice.reader,
            )
            progress.resize(made.size)
            uploaded = uploader.finish()
    except EmixError as error:
        raise interrupted(error) from error
    if uploaded.size != made.size:
        raise UploadInterruptedError("the package and its upload differ", hint="start it again")
    packed = journal.append(
        "packed",
        size=made.size,
        slots_offset=made.slots_offset,
        counts=made.counts,
        losses=made.losses,
        documents_lost=made.documents_lost,
        parts=[[part.number, part.size, part.md5, part.sha256] for part in uploaded.parts],
    )
    seal(exchange, plan.package_id, uploaded, slots_offset=made.slots_offset)
    return _Brought(packed, len(uploaded.parts), uploaded.n_skipped)


def _tell_loss(journal: Journal, announced: Announced, progress: ProgressListener) -> None:
    sent = {record["number"] for record in journal.records if record["step"] == "part"}
    gone = len(sent - announced.parts.keys())
    if gone:
        progress.note(f"the exchange has lost {gone} of {len(sent)} parts: sending them again")
    elif sent:
        progress.note(f"going on: {len(sent)} parts have arrived before")


def _has_all(announced: Announced, packed: Record) -> bool:
    known = set(announced.parts.values())
    return all(SealedPart(*part).signed in known for part in packed["parts"])


def _result(sending: Sending, brought: _Brought, shares: list[NewShare]) -> SendResult:
    record = brought.record
    return SendResult(
        package_id=sending.plan.package_id,
        size=record["size"],
        counts=record["counts"],
        losses=record["losses"],
        documents_lost=record["documents_lost"],
        shares=shares,
        n_parts=brought.n_parts,
        n_skipped=brought.n_skipped,
    )


def _earlier(sending: Sending, packed: Record, shares: Sequence[Share]) -> SendResult:
    made = made_shares(
        shares, sending.key, package_id=sending.plan.package_id, journal=sending.journal
    )
    return replace(_result(sending, _Brought(packed), made), already=True)


def _digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as exc:
        raise ReportError(
            "a report cannot be read", hint="check the file names given to --report"
        ) from exc
    return digest.hexdigest()

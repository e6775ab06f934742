"""Background work: the outbox with leases, expiry and purge.

Any number of workers may run. A job is leased by one guarded UPDATE; a worker that dies leaves a
lease that runs out. Jobs are done at least once, and doing one again changes nothing (a mail keeps
its Message-ID).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass, field

from sqlalchemy import and_, delete, select, update

from emixcli.errors import EmixError
from emixcli.server import housekeeping, request_mail
from emixcli.server.clock import HOUR_MS, SECOND_MS
from emixcli.server.mail import Letter, Mailer, PermanentMailError, TemporaryMailError
from emixcli.server.mailed import conclude_mail, withhold_blocked
from emixcli.server.metrics import Metrics
from emixcli.server.records import JobRecord, MailedShare
from emixcli.server.states import REACHABLE, MailState, ShareState
from emixcli.server.tables import accounts, organisations, outbox, packages, shares
from emixcli.server.work import SYSTEM, Exchange, Work

_LOG = logging.getLogger("emix.exchange.worker")
#: A job is leased for as many of the mail server's time limits as a slow mail may need.
_LEASE_TIMEOUTS = 4
_BATCH = 20
_BACKOFF_S = (5, 30, 60, 120, 300, 600, 1800)
_GIVE_UP_MS = 24 * HOUR_MS
_TICK_S = 0.5
_SWEEP_MS = 10 * SECOND_MS
_STRAYS_MS = HOUR_MS


@dataclass
class Worker:
    """Runs the background work of one process."""

    exchange: Exchange
    mailer: Mailer
    base_url: str
    metrics: Metrics
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _swept_ms: int = 0
    _strays_ms: int = 0

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self.run_once()
            except Exception as exc:  # noqa: BLE001 - one failed round must not stop the worker
                self.metrics.worker_errors.inc()
                _LOG.error("background work failed: %s", type(exc).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _TICK_S)
            self._wake.clear()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell in which loop the worker lives."""
        self._loop = loop

    def wake(self) -> None:
        """Have the outbox looked at now; called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run_once(self) -> int:
        """One round: due jobs, then expiry; the number of jobs done."""
        n = 0
        while jobs := await asyncio.to_thread(self._lease):
            await asyncio.gather(*(self._do(job) for job in jobs))
            n += len(jobs)
        now_ms = self.exchange.clock()
        if now_ms - self._swept_ms >= _SWEEP_MS:
            self._swept_ms = now_ms
            if await asyncio.to_thread(housekeeping.expire, self.exchange):
                self.wake()
        if now_ms - self._strays_ms >= _STRAYS_MS:
            self._strays_ms = now_ms
            await asyncio.to_thread(housekeeping.remove_strays, self.exchange)
        self.metrics.worker_round.set_to_current_time()
        return n

    def _lease(self) -> list[JobRecord]:
        now_ms = self.exchange.clock()
        due = and_(outbox.c.due_ms <= now_ms, outbox.c.leased_until_ms <= now_ms)
        with self.exchange.read() as work:
            query = select(outbox).where(due)
            query = query.order_by(outbox.c.urgent.desc(), outbox.c.due_ms, outbox.c.id)
            candidates = work.find_all(JobRecord, query.limit(_BATCH))
        if not candidates:
            return []
        lease_s = _LEASE_TIMEOUTS * self.exchange.settings.mail.timeout_s
        until = {"leased_until_ms": now_ms + lease_s * SECOND_MS}
        with self.exchange.write() as work:
            return [
                job
                for job in candidates
                if work.hit(update(outbox).where(outbox.c.id == job.id, due).values(**until))
            ]

    async def _do(self, job: JobRecord) -> None:
        try:
            if job.kind == "purge":
                await asyncio.to_thread(housekeeping.purge_package, self.exchange, job.subject)
            else:
                await self._mail(job)
        except TemporaryMailError:
            await asyncio.to_thread(self._later, job)
        except PermanentMailError:
            await asyncio.to_thread(self._failed, job)
        except (EmixError, OSError) as exc:
            _LOG.warning("job %s failed: %s", job.kind, type(exc).__name__)
            await asyncio.to_thread(self._later, job)

    async def _mail(self, job: JobRecord) -> None:
        letter = await asyncio.to_thread(self._prepare, job)
        if letter is None:
            return
        await self.mailer.send(letter)
        self.metrics.mails.labels(kind=job.kind, result="sent").inc()
        await asyncio.to_thread(self._sent, job)

    def _prepare(self, job: JobRecord) -> Letter | None:
        """The letter for a job, or None when there is nothing to send any more.

        A held share is notified here, before its mail leaves: from now on it cannot be recalled.
        """
        with self.exchange.write() as work:
            if withhold_blocked(work, job):
                return None
            if job.kind in request_mail.KINDS:
                letter = request_mail.letter_for(work, job, self.base_url)
                if letter is None:
                    work.hit(delete(outbox).where(outbox.c.id == job.id))
                return letter
            row = _share_for_mail(work, job.subject)
            if row is not None and job.kind == "notify" and row.state == ShareState.HELD:
                over = shares.c.hold_until_ms <= work.now_ms
                values = {"notified_ms": work.now_ms}
                work.move_share(row, ShareState.NOTIFIED, actor=SYSTEM, values=values, guard=over)
                row = _share_for_mail(work, job.subject)
                if row is not None and row.state == ShareState.HELD:
                    later = {"due_ms": row.hold_until_ms, "leased_until_ms": 0}
                    work.hit(update(outbox).where(outbox.c.id == job.id).values(**later))
                    return None
            if row is None or (job.kind in {"notify", "otp"} and row.state not in REACHABLE):
                work.hit(delete(outbox).where(outbox.c.id == job.id))
                return None
            fields: dict[str, str] = {
                "exchange": self.base_url,
                "organisation": row.organisation,
                "link": f"{self.base_url}/r/{work.vault.link_token(row.id)}",
                "share_id": row.id,
                "package_id": row.package_id,
            }
            if job.kind == "otp":
                salt = bytes.fromhex(json.loads(job.payload)["salt"])
                fields["code"] = work.vault.one_time_code(row.id, salt)
                fields["minutes"] = str(work.settings.limits.otp_s // 60)
            to = row.recipient if job.kind in {"notify", "otp"} else row.sender
            # Whoever has published a key finds it in the inbox; there is no link for them.
            kind = "inbox" if job.kind == "notify" and row.to_account is not None else job.kind
            return Letter(kind, job.id, job.created_ms, to, fields, urgent=job.urgent)

    def _sent(self, job: JobRecord) -> None:
        with self.exchange.write() as work:
            conclude_mail(work, job, MailState.SENT)

    def _later(self, job: JobRecord) -> None:
        self.metrics.mails.labels(kind=job.kind, result="retry").inc()
        too_old = job.kind != "purge" and self.exchange.clock() - job.created_ms > _GIVE_UP_MS
        if too_old:
            self._failed(job)
            return
        delay_s = _BACKOFF_S[min(job.attempts, len(_BACKOFF_S) - 1)]
        with self.exchange.write() as work:
            values = {"attempts": job.attempts + 1, "leased_until_ms": 0}
            values["due_ms"] = work.now_ms + delay_s * SECOND_MS
            work.hit(update(outbox).where(outbox.c.id == job.id).values(**values))

    def _failed(self, job: JobRecord) -> None:
        self.metrics.mails.labels(kind=job.kind, result="failed").inc()
        with self.exchange.write() as work:
            conclude_mail(work, job, MailState.FAILED)


def _share_for_mail(work: Work, share_id: str) -> MailedShare | None:
    return work.find(
        MailedShare,
        select(
            shares,
            packages.c.package_id,
            organisations.c.name.label("organisation"),
            accounts.c.email.label("sender"),
        )
        .join(packages, packages.c.id == shares.c.package)
        .join(organisations, organisations.c.id == shares.c.organisation_id)
        .join(accounts, accounts.c.id == shares.c.account_id)
        .where(shares.c.id == share_id),
    )

"""Checking and exporting the audit trail, on the machine of whoever watches over it.

The exchange is not asked whether its trail is whole: every hash is computed here from the rows. The
newest link that was seen is remembered here as well, so that rows which vanish at the end, or a
trail that was written anew, are found even where the exchange's own key was used to do it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emixcli import config
from emixcli.errors import UsageError
from emixcli.exchange.auditing import AuditFilter, iter_audit
from emixcli.exchange.auditlog import AuditRow, Chain, broken, canonical_detail
from emixcli.mailaddress import address_key
from emixcli.wholefile import output_error, replace_whole

if TYPE_CHECKING:
    from emixcli.exchange.http import HttpExchange


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with what is needed to show it: its organisation, and the addresses of accounts."""

    row: AuditRow
    organisation_id: str
    organisation: str
    addresses: Mapping[str, str]

    @property
    def at(self) -> str:
        """When, as RFC 3339 in UTC with milliseconds."""
        moment = datetime.fromtimestamp(self.row.at_ms / 1000, tz=UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def detail(self) -> dict[str, Any]:
        """What the row tells besides; empty where that cannot be read."""
        try:
            found = json.loads(self.row.detail)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def name_of(self, key: str) -> str:
        """Return the address of an account, else the id."""
        return self.addresses.get(key, key)

    def as_json(self) -> dict[str, Any]:
        """Return it as one line of an export; `emix audit verify FILE` checks those."""
        row = self.row
        document: dict[str, Any] = {
            "organisation_id": self.organisation_id, "seq": row.seq, "at": self.at,
            "at_ms": row.at_ms, "actor": row.actor, "action": row.action, "subject": row.subject,
            "detail": self.detail, "hash": row.hash,
        }  # fmt: skip
        if row.actor in self.addresses:
            document["actor_email"] = self.addresses[row.actor]
        return document


@dataclass(frozen=True, slots=True)
class Verified:
    """A chain that holds, from its first row to `seq`."""

    organisation_id: str
    seq: int
    hash: str
    #: The link that an earlier run saw; 0 where there was none.
    remembered: int = 0


def moment_of(text: str) -> str:
    """Return a date or a time, of this machine's zone where it names none, as RFC 3339.

    Raises
    ------
    UsageError
    """
    if not text:
        return ""
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OSError, OverflowError) as exc:
        raise UsageError(
            "this is neither a date nor a time", hint="such as 2026-03-17 or 2026-03-17T14:05"
        ) from exc


def iter_entries(
    exchange: HttpExchange, wanted: AuditFilter, *, page_size: int = 1000
) -> Iterator[Entry]:
    """Yield the rows, oldest first.

    An actor who is named by a mail address is looked for here: no address stands in a URL.
    """
    address = address_key(wanted.actor) if "@" in wanted.actor else ""
    if address:
        wanted, page_size = replace(wanted, actor=""), 1000
    for page in iter_audit(exchange, wanted, page_size=page_size):
        for row in page.rows:
            if not address or page.addresses.get(row.actor) == address:
                yield Entry(row, page.organisation_id, page.organisation, page.addresses)


def verify_audit(exchange: HttpExchange, *, page_size: int = 1000) -> Verified:
    """Recompute the whole chain from the rows, and remember its newest link.

    Raises
    ------
    AuditBrokenError
        A row was changed, removed, added or moved; the first broken one is named.
    """
    pages = iter_audit(exchange, AuditFilter(), page_size=page_size)
    page = next(pages)
    chain = Chain(page.organisation_id)
    memory = Remembered.load(exchange.url, page.organisation_id)
    while True:
        for row in page.rows:
            chain.add(row)
            memory.compare(chain)
        following = next(pages, None)
        if following is None:
            break
        page = following
    if page.head.seq < memory.seq:
        raise broken(f"audit rows from {page.head.seq + 1} on are missing: {memory.seq} were seen")
    chain.end(page.head)
    memory.save(chain)
    return Verified(page.organisation_id, chain.seq, chain.hash, memory.seq)


def verify_file(path: Path) -> Verified:
    """Recompute the chain of an export as JSON Lines that begins with the first row.

    Raises
    ------
    AuditBrokenError
        As `verify_audit`; rows that are missing at the end are not seen in a file.
    UsageError
        The file is no such export.
    """
    chain: Chain | None = None
    organisation_id = ""
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                organisation_id, row = _row_of(line)
                chain = chain or Chain(organisation_id)
                chain.add(row)
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError("the export cannot be read", hint="check its name") from exc
    if chain is None:
        raise UsageError("the export holds no row", hint="leave --after out, or check the period")
    return Verified(organisation_id, chain.seq, chain.hash)


def _row_of(line: str) -> tuple[str, AuditRow]:
    try:
        found = json.loads(line)
        row = AuditRow(
            int(found["seq"]), int(found["at_ms"]), str(found["actor"]), str(found["action"]),
            str(found["subject"]), canonical_detail(found["detail"]), str(found["hash"]),
        )  # fmt: skip
        return str(found["organisation_id"]), row
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as exc:
        raise UsageError(
            "a line of the file is no audit row",
            hint="give a file of emix audit export --format jsonl",
        ) from exc


class Remembered:
    """The newest link of a chain that this machine has seen, in a file of its own."""

    def __init__(self, path: Path, seq: int = 0, digest: str = "") -> None:
        self._path = path
        self.seq = seq
        self._hash = digest

    @classmethod
    def load(cls, url: str, organisation_id: str) -> Remembered:
        """Return what is remembered of an organisation's chain at an exchange.

        Raises
        ------
        UsageError
            The file was damaged: it is not taken for nothing.
        """
        name = hashlib.sha256(f"{url} {organisation_id}".encode()).hexdigest()[:40]
        path = config.state_dir() / "audit" / f"{name}.json"
        try:
            document = json.loads(path.read_text("utf-8"))
            return cls(path, int(document["seq"]), str(document["hash"]))
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise UsageError(
                "what this machine remembers of the audit trail cannot be read",
                hint=f"look at {path}; without it the end of the trail cannot be checked",
            ) from exc

    def compare(self, chain: Chain) -> None:
        """Compare with the chain where it has come to the same row.

        Raises
        ------
        AuditBrokenError
        """
        if chain.seq == self.seq and chain.hash != self._hash:
            raise broken(
                f"the audit trail was written anew: row {chain.seq} is not the one that this"
                " machine has seen"
            )

    def save(self, chain: Chain) -> None:
        """Remember the end of a chain that holds.

        Raises
        ------
        OutputError
        """
        document = {"seq": chain.seq, "hash": chain.hash}
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_whole(self._path, json.dumps(document).encode("ascii"))
        except OSError as exc:
            raise output_error(
                exc,
                "the end of the audit trail cannot be remembered",
                hint=f"check the folder {self._path.parent}",
            ) from exc

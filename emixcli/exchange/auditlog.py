"""The audit trail as it leaves an exchange: rows, and the chain that they form.

The exchange and its clients check the chain with the same code, each from what it sees: the hash of
a row covers the hash of the row before it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emixcli.errors import AuditBrokenError

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One thing that happened; `detail` is the JSON text that the hash covers."""

    seq: int
    at_ms: int
    actor: str
    action: str
    subject: str
    detail: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The newest link of a chain; `sealed` says whether the key of the exchange vouches for it."""

    seq: int
    hash: str
    sealed: bool = True


def canonical_detail(detail: Mapping[str, Any]) -> str:
    """Return the JSON text of the details of a row."""
    return json.dumps(detail, sort_keys=True, separators=(",", ":"))


def link(previous: str, organisation_id: str, row: AuditRow) -> str:
    """Return the hash of a row behind the hash of the row before it; `row.hash` is not read."""
    fields = [row.at_ms, row.actor, row.action, row.subject, row.detail]
    text = json.dumps([previous, organisation_id, row.seq, *fields], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Chain:
    """Follows the chain of one organisation from its first row, one row at a time."""

    def __init__(self, organisation_id: str) -> None:
        self._organisation_id = organisation_id
        self.seq = 0
        self.hash = GENESIS

    def add(self, row: AuditRow) -> None:
        """Take the next row.

        Raises
        ------
        AuditBrokenError
            It is not the next one, or not what was written: the first broken row is named.
        """
        expected = self.seq + 1
        if row.seq != expected:
            what = "is missing" if row.seq > expected else "is there twice"
            raise broken(f"audit row {min(row.seq, expected)} {what}")
        digest = link(self.hash, self._organisation_id, row)
        if digest != row.hash:
            raise broken(f"audit row {row.seq} was changed")
        self.seq, self.hash = expected, digest

    def end(self, head: AuditHead) -> None:
        """Compare the end of the rows with the newest link.

        Raises
        ------
        AuditBrokenError
            Rows are missing at the end or were added, or the link is not the exchange's own.
        """
        if not head.sealed:
            raise broken("the head of the audit chain was changed")
        if self.seq < head.seq:
            raise broken(f"audit rows from {self.seq + 1} on are missing")
        if self.seq > head.seq:
            raise broken(f"audit row {head.seq + 1} was added")
        if self.hash != head.hash:
            raise broken("the rows do not lead to the head of the audit chain")


def broken(message: str) -> AuditBrokenError:
    """Return the error for a chain that does not hold."""
    return AuditBrokenError(
        message, hint="keep what you have exported, and have the operator look at the exchange"
    )

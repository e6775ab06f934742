"""Reading the audit trail of an organisation from its exchange."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from emixcli.exchange import paging
from emixcli.exchange.auditlog import AuditHead, AuditRow
from emixcli.exchange.bodies import not_understood

if TYPE_CHECKING:
    from emixcli.exchange.http import HttpExchange

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows; times as RFC 3339 with a zone, `until` not included, "" for any."""

    action: str = ""
    actor: str = ""
    subject: str = ""
    since: str = ""
    until: str = ""
    after: int = 0


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Rows in order, the head of the chain as it was then, and addresses by ids of accounts."""

    organisation_id: str
    organisation: str
    rows: list[AuditRow]
    head: AuditHead
    addresses: Mapping[str, str]


def iter_audit(
    exchange: HttpExchange, wanted: AuditFilter, *, page_size: int = _PAGE
) -> Iterator[AuditPage]:
    """Yield all rows page by page, oldest first; at least one page.

    Raises
    ------
    ForbiddenError
        The account is neither an administrator's nor an auditor's.
    ExchangeServerError
        The trail would never end.
    """
    cursor = wanted.after
    for _ in range(paging.PAGES_MAX):
        fields: dict[str, Any] = {
            "action": wanted.action, "actor": wanted.actor, "subject": wanted.subject,
            "since": wanted.since, "until": wanted.until,
            "cursor": cursor, "limit": page_size,
        }  # fmt: skip
        query = urlencode({name: value for name, value in fields.items() if value})
        found = exchange.ask("GET", f"/v1/audit?{query}")
        page = _page(found)
        yield page
        following = found.get("next_cursor")
        if following is None:
            return
        if not page.rows or not isinstance(following, int) or following <= cursor:
            raise not_understood()
        cursor = following
    raise paging.endless()


def _page(document: Mapping[str, Any]) -> AuditPage:
    try:
        organisation, head = document["organisation"], document["head"]
        rows = [
            AuditRow(
                _number(row["seq"]), _number(row["at_ms"]), str(row["actor"]), str(row["action"]),
                str(row["subject"]), str(row["detail"]), str(row["hash"]),
            )
            for row in document["rows"]
        ]  # fmt: skip
        return AuditPage(
            str(organisation["id"]),
            str(organisation["name"]),
            rows,
            AuditHead(_number(head["seq"]), str(head["hash"]), head["sealed"] is True),
            {str(key): str(value) for key, value in document["accounts"].items()},
        )
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise not_understood() from exc


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise not_understood()
    return value

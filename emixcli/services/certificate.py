"""The certificate of non-access: that nobody had the content of a share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from emixcli.container.sink import FileSink
from emixcli.errors import ExchangeServerError, UsageError
from emixcli.exchange.auditlog import AuditRow, broken, link
from emixcli.htmlpage import listing, page, table

SCHEMA = "emix.certificate/1"
_SUFFIXES = (".json", ".html")
_ROW = ("seq", "at_ms", "actor", "action", "subject", "detail", "hash")


def check_names(files: Sequence[Path]) -> None:
    """Refuse a file of which nobody could tell what it is.

    Raises
    ------
    UsageError
    """
    if any(file.suffix.lower() not in _SUFFIXES for file in files):
        raise UsageError("a certificate is a .json or an .html file", hint="name it so")


def check_certificate(answer: Mapping[str, Any], share_id: str) -> dict[str, Any]:
    """Return the certificate, every row of it hashed again on this machine.

    Raises
    ------
    AuditBrokenError
        A row is not what its hash says, or tells of an access.
    ExchangeServerError
        It cannot be understood, or is about another share.
    """
    try:
        organisation_id, rows = str(answer["organisation_id"]), list(answer["rows"])
        certified = answer["share_id"]
        for found in rows:
            row = AuditRow(**{name: found[name] for name in _ROW})
            if link(str(found["previous"]), organisation_id, row) != row.hash:
                raise broken(f"audit row {int(row.seq)} was changed")
            if row.action in {"share.opened", "share.downloaded", "share.access_granted"}:
                raise broken("the certificate tells of an access itself")
    except (KeyError, TypeError, ValueError) as exc:
        raise ExchangeServerError("the certificate of the exchange cannot be understood") from exc
    if certified != share_id:
        raise ExchangeServerError("the exchange certified another share")
    return {"schema": SCHEMA, **answer, "statement": statement(answer)}


def statement(answer: Mapping[str, Any]) -> list[str]:
    """Return what is certified, in sentences."""
    proven, head = answer.get("mailbox_proven"), answer["head"]["seq"]
    first = answer["rows"][0]["seq"] if answer["rows"] else head
    return [
        _NOTHING_READ,
        "Nothing was opened and nothing was downloaded through this share.",
        _MAILBOX.format(proven) if proven else "The mailbox was not proven.",
        _mail(str(answer.get("mail")), notified=bool(answer.get("notified"))),
        f"The share was {answer['state']} at {answer['ended_at']}; nothing opens through it now.",
        f"The audit trail was checked row by row from {first} to {head}.",
    ]


_NOTHING_READ = (
    "Nobody proved an access code or a key for this share. The key of the package was not given"
    " out, so no image, report or name in it could be read through this share."
)
_MAILBOX = (
    "The mailbox was proven at {}; whoever did so was told who sends and how large the package is,"
    " and nothing more."
)


def _mail(state: str, *, notified: bool) -> str:
    if state == "sent":
        return "The mail with the link was sent."
    if notified and state != "failed":
        return "The mail with the link may have been sent."
    return "No mail with the link was sent."


def write_certificate(document: Mapping[str, Any], file: Path) -> None:
    """Write the certificate as JSON or as a page, as the name says; an existing file stays."""
    is_page = file.suffix.lower() == ".html"
    text = _page(document) if is_page else json.dumps(document, indent=2) + "\n"
    with FileSink(file) as sink:
        sink.write(text.encode())


def _page(document: Mapping[str, Any]) -> str:
    facts = [
        ("organisation", document["organisation"]),
        ("recipient", document["recipient"]),
        ("purpose of use", document["purpose"]),
        ("share", document["share_id"]),
        ("package", document["package_id"]),
        ("shared", document["created"]),
        ("ended", f"{document['ended_at']} ({document['state']})"),
        ("wrong access codes", str(document["wrong_access_codes"])),
        ("issued", document["issued"]),
        ("head of the audit trail", f"row {document['head']['seq']}"),
        ("its hash", document["head"]["hash"]),
    ]
    rows = [
        (row["seq"], _time(row["at_ms"]), row["action"], row["hash"]) for row in document["rows"]
    ]
    return page(
        "Certificate of non-access",
        (
            listing(document["statement"]),
            "<h2>Share</h2>",
            table(("what", "value"), facts),
            "<h2>Rows of the audit trail about this share</h2>",
            table(("row", "when", "what", "hash"), rows),
            f"<p>{escape(_HOW)}</p>",
        ),
    )


_HOW = (
    "Whoever may read the audit trail checks these rows against it: emix audit verify. The hash of"
    " a row covers the row before it, so that none can be changed, added or taken out unnoticed."
)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

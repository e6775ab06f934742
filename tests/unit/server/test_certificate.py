"""The certificate of non-access: given where nobody had the content, refused everywhere else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, update

from emixcli.exchange.auditlog import AuditRow, link
from emixcli.server.tables import audit
from emixcli.server.vault import new_id
from tests.serving import ServerThread
from tests.unit.server.api import WRONG, Api, Person, Recipient
from tests.unit.server.conftest import PASSWORD
from tests.unit.server.test_recipients import notified, publish, share_sealed


def certificate(person: Api, share: dict[str, Any]) -> Any:
    return person.get(f"/v1/shares/{share['share_id']}/certificate")


def end(person: Person, share: dict[str, Any], how: str = "revoke") -> None:
    person.ok("POST", f"/v1/shares/{share['share_id']}:{how}")


def test_recalled_before_its_mail(sender: Person, package_id: str) -> None:
    share = sender.share(package_id, hold_s=600)
    end(sender, share, "recall")
    found = certificate(sender, share).json()
    assert (found["state"], found["mail"], found["notified"]) == ("recalled", "none", None)
    assert found["mailbox_proven"] is None
    actions = [row["action"] for row in found["rows"]]
    assert actions == ["share.created", "share.recalled"]
    for row in found["rows"]:
        previous = row.pop("previous")
        assert link(previous, found["organisation_id"], AuditRow(**row)) == row["hash"]
    assert found["head"]["seq"] >= found["rows"][-1]["seq"]


def test_a_wrong_mailbox_that_knew_no_access_code(
    sender: Person, share: dict[str, Any], recipient: Recipient
) -> None:
    session = recipient.verify()["session"]
    assert recipient.open(session, WRONG).status_code == 403
    assert certificate(sender, share).status_code == 410
    end(sender, share)
    found = certificate(sender, share).json()
    assert found["mailbox_proven"] is not None
    assert found["wrong_access_codes"] == 1
    assert "share.access_granted" not in [row["action"] for row in found["rows"]]


def test_what_was_opened_gets_none(
    sender: Person, share: dict[str, Any], recipient: Recipient
) -> None:
    session = recipient.verify()["session"]
    assert recipient.open(session).status_code == 200
    end(sender, share)
    refused = certificate(sender, share)
    assert refused.status_code == 403
    assert refused.json()["error"]["id"] == "exchange.forbidden"


def test_an_access_that_was_wiped_from_the_share_is_in_the_chain(
    server: ServerThread, sender: Person, share: dict[str, Any], recipient: Recipient
) -> None:
    from emixcli.server.tables import shares

    recipient.open(recipient.verify()["session"])
    end(sender, share)
    with server.exchange.write() as work:
        work.hit(update(shares).values(opened_ms=None, downloaded_ms=None))
    assert certificate(sender, share).status_code == 403


@pytest.mark.parametrize("tampered", ["share.access_granted", "share.opened", "share.notified"])
def test_a_chain_that_was_changed_certifies_nothing(
    server: ServerThread,
    sender: Person,
    share: dict[str, Any],
    recipient: Recipient,
    tampered: str,
) -> None:
    recipient.open(recipient.verify()["session"])
    end(sender, share)
    with server.exchange.write() as work:
        assert work.hit(delete(audit).where(audit.c.action == tampered))
    refused = certificate(sender, share)
    assert refused.status_code >= 400
    assert refused.json()["error"]["id"] == "audit.broken"


@pytest.mark.parametrize("kept", ["share.revoked", "nothing"])
def test_rows_that_were_given_another_share_certify_nothing(
    server: ServerThread, sender: Person, share: dict[str, Any], recipient: Recipient, kept: str
) -> None:
    from emixcli.server.tables import shares

    recipient.open(recipient.verify()["session"])
    end(sender, share)
    with server.exchange.write() as work:
        work.hit(update(shares).values(opened_ms=None, downloaded_ms=None))
        rows = update(audit).where(audit.c.subject == share["share_id"], audit.c.action != kept)
        assert work.hit(rows.values(subject=new_id()))
    refused = certificate(sender, share)
    assert refused.status_code >= 400
    assert refused.json()["error"]["id"] == "audit.broken"


def test_each_certificate_is_a_row_of_the_trail(
    api: Api, sender: Person, share: dict[str, Any]
) -> None:
    end(sender, share)
    first = certificate(sender, share).json()
    second = certificate(sender, share).json()
    assert second["head"]["seq"] == first["head"]["seq"] + 1
    rows = api.login("admin@a.example", PASSWORD).ok(
        "GET", "/v1/audit", params={"action": "share.certified"}
    )["rows"]
    assert len(rows) == 2


@pytest.mark.parametrize("who", ["mr@a.example", "ct@b.example", "admin@b.example", "nobody"])
def test_a_share_of_others_has_none(
    api: Api, sender: Person, share: dict[str, Any], who: str
) -> None:
    end(sender, share)
    stranger: Api = api if who == "nobody" else api.login(who, PASSWORD)
    refused = certificate(stranger, share)
    unknown = certificate(stranger, {"share_id": new_id()})
    assert refused.status_code == unknown.status_code
    assert refused.status_code in {401, 404}
    assert refused.content == unknown.content
    admin = api.login("admin@a.example", PASSWORD)
    assert certificate(admin, share).status_code == 200


@pytest.mark.parametrize("is_opened", [False, True])
def test_a_share_by_key(sender: Person, api: Api, package_id: str, is_opened: bool) -> None:
    colleague = api.login("ct@b.example", PASSWORD)
    share = share_sealed(sender, package_id, publish(colleague))
    notified(sender, share)
    if is_opened:
        colleague.ok("POST", f"/v1/inbox/{share['share_id']}:open", {})
    end(sender, share)
    found = certificate(sender, share)
    assert found.status_code == (403 if is_opened else 200)

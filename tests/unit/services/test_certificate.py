"""`emix status`: when a share came how far, and the certificate that nobody had its content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emixcli.errors import AuditBrokenError, ExchangeServerError
from emixcli.services.certificate import check_certificate
from tests.running import EmixProcess
from tests.unit.services.exchange_process import ExchangeProcess
from tests.unit.services.test_send_commands import SEND, to


def test_a_recalled_share_is_certified(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    del logged_in
    code = tmp_path / "code"
    sent = run_emix("send", small_disc, *to("wrong"), *SEND, "--code-out", code).document
    share_id = sent["shares"][0]["share_id"]
    early = run_emix("status", share_id, "--certificate", "early.json", "--json")
    assert (early.code, early.error["hint"]) == (66, f"emix revoke {share_id}")
    assert run_emix("recall", share_id, "--json").code == 0
    files = ("--certificate", "c.json", "--certificate", "c.html")
    done = run_emix("status", sent["package_id"], *files, "--json")
    assert done.code == 0, done.stderr
    assert done.document["certificates"] == ["c.json", "c.html"]
    assert done.document["shares"][0]["ended_at"]
    found = json.loads((tmp_path / "c.json").read_text("utf-8"))
    assert found["schema"] == "emix.certificate/1"
    assert (found["state"], found["recipient"]) == ("recalled", "wrong@clinic.example")
    assert "No mail with the link was sent." in found["statement"]
    page = (tmp_path / "c.html").read_text("utf-8")
    for text in ("Certificate of non-access", found["head"]["hash"], "share.recalled", share_id):
        assert text in page
    assert "CANARY" not in page + json.dumps(found)
    again = run_emix("status", share_id, *files, "--json")
    assert again.error["id"] == "output.exists"
    assert run_emix("status", share_id, "--certificate", "c.pdf", "--json").code == 2
    assert not (tmp_path / "early.json").exists()


def test_times_are_told(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    before = logged_in.n_mails()
    code = tmp_path / "code"
    sent = run_emix(
        "send", small_disc, *to("times"), *SEND, "--hold", "0", "--code-out", code
    ).document
    share = sent["shares"][0]
    assert run_emix("download", share["link"], "-o", "in", "--request-code", "--json").code == 0
    mail_code = tmp_path / "mail-code"
    mail_code.write_text(logged_in.mail_code("times@clinic.example", after=max(0, before - 1)))
    got = run_emix(
        "download", share["link"], "-o", "in", "--json",
        "--mail-code-file", mail_code, "--code-file", code,
    )  # fmt: skip
    assert got.code == 0, got.stderr
    found = run_emix("status", share["share_id"], "--json").document["shares"][0]
    assert found["notified"] <= found["verified"] <= found["opened"]
    shown = run_emix("status", share["share_id"]).stdout
    for step in ("notified", "mailbox", "opened"):
        assert f"\n{step}" in shown
    assert run_emix("revoke", share["share_id"], "--yes").code == 0
    refused = run_emix("status", share["share_id"], "--certificate", "c.json", "--json")
    assert refused.error["id"] == "exchange.forbidden"
    assert not (tmp_path / "c.json").exists()


ROW = {
    "seq": 1,
    "at_ms": 0,
    "actor": "a",
    "action": "share.created",
    "subject": "s",
    "detail": "{}",
    "hash": "d7b6d9f7",
    "previous": "0" * 64,
}
ANSWER = {
    "share_id": "s",
    "organisation_id": "o",
    "rows": [ROW],
    "head": {"seq": 1, "hash": ""},
    "state": "revoked",
    "ended_at": "now",
}


def test_a_row_that_does_not_fit_its_hash_is_refused() -> None:
    with pytest.raises(AuditBrokenError):
        check_certificate(ANSWER, "s")


@pytest.mark.parametrize("answer", [{}, ANSWER | {"rows": [{}]}, ANSWER | {"rows": None}])
def test_an_answer_that_is_no_certificate(answer: dict[str, object]) -> None:
    with pytest.raises(ExchangeServerError):
        check_certificate(answer, "s")


def test_another_share() -> None:
    with pytest.raises(ExchangeServerError):
        check_certificate(ANSWER | {"rows": []}, "t")

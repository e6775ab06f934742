"""Mail to a real SMTP server: what is sent, to whom, and what happens when it is refused."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope

from emixcli.errors import UsageError
from emixcli.server.mail import Letter, compose
from emixcli.server.settings import Limits, MailSettings, Settings
from tests.serving import ServerThread
from tests.unit.server.api import Api, Person, wait_for
from tests.unit.server.asking import post, publish, sealed_for
from tests.unit.server.conftest import FrozenClock
from tests.unit.server.mailbox import Mailbox


@pytest.fixture
def settings(make_settings: Callable[..., Settings], mailbox: Mailbox) -> Settings:
    return make_settings(mail=mailbox.settings, limits=Limits(min_part_size=1024))


def share_state(sender: Person, share: dict[str, Any]) -> str:
    return str(sender.ok("GET", f"/v1/shares/{share['share_id']}")["mail"])


def test_a_mail_holds_the_organisation_and_the_link_alone(
    mailbox: Mailbox, sender: Person, package_id: str
) -> None:
    share = sender.share(package_id)
    wait_for(lambda: share_state(sender, share) == "sent")
    (envelope,) = mailbox.taken
    assert envelope.rcpt_tos == ["dr@c.example"]
    assert envelope.mail_from == "exchange@a.example"
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content)
    assert message["To"] == "dr@c.example"
    assert message["Bcc"] is None
    body = message.get_payload(decode=True)
    assert isinstance(body, bytes)
    text = body.decode()
    assert share["link"] in text
    assert "Hospital A" in text
    # Neither the sender's name nor the package's id.
    assert "CT" not in text.replace(share["link"], "")
    assert package_id not in text


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
def test_a_temporary_refusal_is_tried_again(
    mailbox: Mailbox, sender: Person, package_id: str, clock: FrozenClock, stage: str
) -> None:
    mailbox.stage, mailbox.answers = stage, ["451 later", "421 busy"]
    share = sender.share(package_id)
    for n in (1, 2):
        wait_for(functools.partial(lambda count: mailbox.n_asked == count, n))
        time.sleep(0.2)
        assert share_state(sender, share) == "queued"
        clock.forward(minutes=2)
    wait_for(lambda: share_state(sender, share) == "sent")
    assert len(mailbox.taken) == 1


def test_a_server_that_hangs_is_tried_again_with_the_same_number(
    mailbox: Mailbox, sender: Person, package_id: str, clock: FrozenClock
) -> None:
    mailbox.stage, mailbox.answers = "DATA", ["hang"]
    share = sender.share(package_id)
    wait_for(lambda: mailbox.n_asked == 1)

    def sent() -> bool:
        clock.forward(seconds=5)
        return share_state(sender, share) == "sent"

    wait_for(sent)
    assert len(mailbox.taken) == 1


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
def test_a_final_refusal_is_told_to_the_sender(
    mailbox: Mailbox, sender: Person, package_id: str, stage: str
) -> None:
    mailbox.stage, mailbox.answers = stage, ["550 no such user"]
    share = sender.share(package_id)
    wait_for(lambda: share_state(sender, share) == "failed")
    wait_for(lambda: len(mailbox.taken) == 1)
    assert mailbox.taken[0].rcpt_tos == ["ct@a.example"]


def test_a_mail_server_that_is_down_loses_nothing(
    server: ServerThread, sender: Person, package_id: str, clock: FrozenClock, mailbox: Mailbox
) -> None:
    mailer: Any = server.site.worker.mailer
    real = mailer._settings
    mailer._settings = MailSettings(sender=real.sender, host="127.0.0.1", port=1, tls="none")
    share = sender.share(package_id)
    time.sleep(0.5)
    assert share_state(sender, share) == "queued"
    mailer._settings = real
    clock.forward(minutes=1)
    wait_for(lambda: share_state(sender, share) == "sent")


@pytest.mark.parametrize(
    "address", ["a@b.example, c@d.example", "a@b.example\nBcc: c@d.example", "A <a@b.example>"]
)
def test_no_letter_goes_to_what_is_not_one_address(address: str) -> None:
    values = {"organisation": "x", "link": "y"}
    with pytest.raises(UsageError):
        compose(Letter("notify", 1, 0, address, values), "exchange@a.example", "a.example")


def test_a_name_with_line_breaks_changes_no_header() -> None:
    values = {"organisation": "A\r\nBcc: evil@c.example\r\n\r\nx", "link": "y"}
    message = compose(Letter("notify", 1, 0, "a@b.example", values), "e@a.example", "a.example")
    assert message_from_bytes(message.as_bytes())["Bcc"] is None


def test_mails_about_requests_hold_the_organisation_and_a_link_or_number_alone(
    mailbox: Mailbox, sender: Person
) -> None:
    publish(sender)
    address = {"email": "jo@home.example", "confirm_email": "jo@home.example"}
    sender.ok("POST", "/v1/invitations", address)
    texts = [_text(wait_for(lambda: mailbox.taken)[0], "jo@home.example")]
    link = re.search(r"http\S+(/q/\S+)", texts[0])
    assert link
    sender.post(f"{link[1]}/otp", {})
    texts.append(_text(wait_for(lambda: mailbox.taken[1:])[0], "jo@home.example"))
    code = re.search(r"^(\d{6})\r?$", texts[1], re.MULTILINE)
    assert code
    admitted = sender.ok("POST", f"{link[1]}/otp:verify", {"code": code[1]})
    made = post(
        Api(sender.url), f"{link[1]}/request", sealed_for(admitted["keys"]), admitted["session"]
    )
    request_id = made.json()["request_id"]
    texts.append(_text(wait_for(lambda: mailbox.taken[2:])[0], "ct@a.example"))
    sender.ok("POST", f"/v1/requests/{request_id}:decline", {"reason": "incomplete"})
    texts.append(_text(wait_for(lambda: mailbox.taken[3:])[0], "jo@home.example"))
    assert all("Hospital A" in text and "CANARY" not in text for text in texts)
    assert all(request_id in text for text in texts[2:])
    assert "incomplete" not in texts[3]


def _text(envelope: Envelope, recipient: str) -> str:
    assert envelope.rcpt_tos == [recipient]
    assert isinstance(envelope.content, bytes)
    body = message_from_bytes(envelope.content).get_payload(decode=True)
    assert isinstance(body, bytes)
    return body.decode()

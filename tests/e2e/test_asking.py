"""Somebody without account asks for images: from the invitation to the opened request."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from emixcli.services.demo import Demo
from tests.builders import study
from tests.e2e.conftest import PHONE, OpenPage
from tests.running import ROOT

IMAGES = ROOT / "docs" / "images"
UPDATE = os.environ.get("EMIX_UPDATE_IMAGES", "") not in {"", "0"}
REFUSED = r"willReadFrequently|status of 4(01|03|10)"


@dataclass
class Invited:
    demo: Demo
    link: str
    address: str

    def mail_code(self) -> str:
        """The newest one-time code that was mailed."""
        mine = [m for m in self.demo.mails() if m.recipient == self.address and m.code]
        if not mine:
            mine = [self.demo.wait_for_mail(lambda m: m.recipient == self.address and bool(m.code))]
        return mine[-1].code

    def request(self) -> dict[str, object]:
        """The one request of this mailbox."""
        found = self.demo.run("requests", "--json")["requests"]
        mine = [request for request in found if request["requester"] == self.address]
        assert len(mine) == 1
        shown = self.demo.run("request", "show", mine[0]["request_id"], "--json")
        return dict(shown)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("exchange")
    study(folder / "media")
    with Demo(folder) as running:
        running.start_exchange()
        running.run("request", "key", "publish", "--json")
        yield running


@pytest.fixture
def invited(demo: Demo, request: pytest.FixtureRequest) -> Invited:
    if request.node.name == "test_from_the_invitation_to_the_opened_request":
        address = "jo@home.example"  # in the picture
    else:
        address = re.sub(r"\W", "-", request.node.name)[:40].strip("-") + "@home.example"
    demo.run("request", "invite", address, "--confirm-to", address, "--json")
    mail = demo.wait_for_mail(lambda m: m.recipient == address and "/q/" in m.text)
    link = re.search(r"https?://\S+/q/\S+", mail.text)
    assert link
    return Invited(demo, link[0], address)


def _save(page: Page, name: str) -> None:
    if UPDATE:
        page.screenshot(path=IMAGES / name)


def _to_form(page: Page, invited: Invited) -> None:
    page.goto(invited.link)
    page.get_by_role("button", name="Send me a code by mail").click()
    page.locator(".otp-input").wait_for()
    page.keyboard.type(invited.mail_code())
    page.get_by_role("heading", name="Which images do you need?").wait_for()


def _fill(
    page: Page,
    *,
    family: str = "CANARYSURNAME",
    given: str = "CANARYGIVEN",
    number: str = "CANARY-ID-471108",
) -> None:
    for label, text in (
        ("Family name", family),
        ("Given names", given),
        ("Date of birth", "1947-03-08"),
        ("Patient number, if known", number),
        ("In your words", "CT of the chest"),
        ("Made on, or from, if known", "2024-05-01"),
        ("Your name", "Jo Example"),
        ("Telephone", "+41 44 000 00 00"),
    ):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Purpose").select_option("patient-request")


def test_from_the_invitation_to_the_opened_request(
    open_page: OpenPage, invited: Invited, tmp_path: Path
) -> None:
    form = tmp_path / "form.pdf"
    form.write_bytes(b"%PDF-1.7 CANARY " + bytes(range(256)) * 2000)
    page = open_page(viewport={"width": 1000, "height": 1500})
    asked: list[str] = []
    bodies: list[bytes] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("request", lambda request: bodies.append(request.post_data_buffer or b""))
    page.goto(invited.link)
    page.get_by_role("heading", name="Ask for medical images").wait_for()
    assert "hospital" not in page.locator("body").inner_text().lower()
    assert not any(bodies)
    page.get_by_role("button", name="Send me a code by mail").click()
    page.locator(".otp-input").wait_for()
    page.keyboard.type(invited.mail_code())
    page.get_by_role("heading", name="Which images do you need?").wait_for()
    page.get_by_label("Signed form, if you have one").set_input_files(form)
    _fill(page, family="Demo", given="Anna", number="DEMO-0001")
    _save(page, "asking.png")
    _fill(page)
    page.get_by_label("Given names").fill("CANARY^GIVEN")
    page.get_by_label("In your words").fill("CT of the chest é 胸部 <b>&")
    page.get_by_role("button", name="Encrypt and send").click()
    page.get_by_role("heading", name="Your request was sent").wait_for()
    page.get_by_text("Who can open it: 1").click()
    origin = invited.link.split("/q/")[0]
    assert [url for url in asked if not url.startswith((origin, "data:"))] == []
    assert not any(b"CANARY" in body for body in bodies)
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.evaluate("document.cookie") == ""

    _check_opened(page, invited, form, tmp_path / "out.pdf")


def _check_opened(page: Page, invited: Invited, form: Path, out: Path) -> None:
    """What a reader opens is what was typed, for the keys that were shown."""
    found = invited.request()
    (key,) = invited.demo.run("request", "key", "list", "--json")["keys"]
    shown = page.locator("details").inner_text().replace(" ", "")
    assert str(key["fingerprint"]) in shown
    said = found["asked"]
    assert isinstance(said, dict)
    assert said["patient"]["name"] == "CANARYSURNAME^CANARY GIVEN"
    assert said["patient"]["ids"] == [{"value": "CANARY-ID-471108", "authority": ""}]
    assert said["exam"]["description"] == "CT of the chest é 胸部 <b>&"
    assert said["requester"]["email"] == invited.address
    invited.demo.run("request", "show", str(found["request_id"]), "--form-out", out, "--json")
    assert out.read_bytes() == form.read_bytes()


def test_what_is_missing_is_said_where_it_is(
    open_page: OpenPage, invited: Invited, tmp_path: Path
) -> None:
    page = open_page()
    _to_form(page, invited)
    page.get_by_role("button", name="Encrypt and send").click()
    expect(page.get_by_role("alert")).to_contain_text("Something is missing")
    assert page.locator("[aria-invalid]").count() == 7
    assert page.evaluate("document.activeElement.labels[0].textContent") == "Family name"
    _fill(page)
    wrong = tmp_path / "form.pdf"
    wrong.write_bytes(b"<html>")
    page.get_by_label("Signed form, if you have one").set_input_files(wrong)
    page.get_by_label("until").fill("2024-04-30")
    page.get_by_role("button", name="Encrypt and send").click()
    expect(page.get_by_text("This is no PDF, JPEG or PNG file.")).to_be_visible()
    expect(page.get_by_text("This is before the first day.")).to_be_visible()
    wrong.write_bytes(b"%PDF-" + bytes(4 << 20))
    page.get_by_label("Signed form, if you have one").set_input_files(wrong)
    page.get_by_role("button", name="Encrypt and send").click()
    expect(page.get_by_text("This file is larger than 4 MB.")).to_be_visible()


def test_a_link_asks_once_and_a_lost_answer_is_no_second_request(
    open_page: OpenPage, invited: Invited
) -> None:
    page = open_page(allowed=REFUSED + "|ERR_FAILED|ERR_CONNECTION")
    _to_form(page, invited)
    _fill(page)

    def lose(route: Any) -> None:
        route.fetch()
        route.abort()

    page.route("**/request", lose, times=1)
    page.get_by_role("button", name="Encrypt and send").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    page.get_by_role("button", name="Encrypt and send").click()
    page.get_by_role("heading", name="Your request was sent").wait_for()
    assert invited.request()["state"] == "open"
    page.goto(invited.link)
    page.get_by_role("button", name="I have a code already").click()
    page.locator(".otp-input").wait_for()
    page.keyboard.type("123456")
    expect(page.locator(".field-state")).to_contain_text("not the code")


def test_keys_that_the_exchange_changed_are_refused(open_page: OpenPage, invited: Invited) -> None:
    page = open_page()

    def swap(route: Any) -> None:
        answer = route.fetch()
        document = answer.json()
        for key in document["keys"]:
            key["public_key"] = re.sub(r'"x25519":"..', '"x25519":"AA', str(key["public_key"]))
        route.fulfill(response=answer, json=document)

    page.route("**/otp:verify", swap)
    _to_form(page, invited)
    _fill(page)
    page.get_by_role("button", name="Encrypt and send").click()
    expect(page.get_by_role("alert")).to_contain_text("damaged")


def test_phone(open_page: OpenPage, invited: Invited) -> None:
    page = open_page(**PHONE)
    _to_form(page, invited)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

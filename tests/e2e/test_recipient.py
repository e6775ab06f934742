"""A recipient without an account: from the mailed link to the image, on a real exchange."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from emixcli.services.demo import Demo
from tests.builders import study
from tests.e2e.conftest import PHONE, OpenPage
from tests.running import ROOT

IMAGES = ROOT / "docs" / "images"
UPDATE = os.environ.get("EMIX_UPDATE_IMAGES", "") not in {"", "0"}
REFUSED = r"willReadFrequently|status of 40[13]|status of 410"


@dataclass
class Share:
    demo: Demo
    link: str
    code: str
    share_id: str
    recipient: str

    def mail_code(self, *, after: str = "") -> str:
        """The newest one-time code that was mailed."""
        found = self.demo.wait_for_mail(
            lambda mail: mail.recipient == self.recipient and bool(mail.code) and mail.code != after
        )
        codes = [m.code for m in self.demo.mails() if m.recipient == self.recipient and m.code]
        return codes[-1] if codes else found.code


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("exchange")
    study(folder / "media")
    with Demo(folder) as running:
        running.start_exchange()
        yield running


@pytest.fixture
def share(demo: Demo, request: pytest.FixtureRequest) -> Share:
    name = re.sub(r"\W", "-", request.node.name)[:40]
    recipient, code = f"{name}@clinic.example", demo.folder / f"{name}.code"
    document = demo.run(
        "send", demo.folder / "media", "--to", recipient, "--confirm-to", recipient,
        "--purpose", "treatment", "--hold", "0", "--code-out", code, "--yes", "--no-input",
        "--json",
    )  # fmt: skip
    sent = document["shares"][0]
    return Share(demo, sent["link"], code.read_text().strip(), sent["share_id"], recipient)


def _to_access_code(page: Page, share: Share) -> None:
    page.goto(share.link)
    page.get_by_role("button", name="Send me a code by mail").click()
    page.locator(".otp-input").wait_for()
    page.keyboard.type(share.mail_code())
    page.get_by_role("heading", name="Enter the access code").wait_for()


def _save(page: Page, name: str) -> None:
    if UPDATE:
        IMAGES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=IMAGES / name)


def test_from_link_to_image(open_page: OpenPage, share: Share) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(share.link)
    page.get_by_role("heading", name="Medical images are waiting").wait_for()
    assert share.demo.run("status", _package(share), "--json")
    assert "hospital" not in page.locator("body").inner_text().lower()
    _save(page, "recipient.png")
    page.get_by_role("button", name="Send me a code by mail").click()
    page.locator(".otp-input").wait_for()
    expect(page.get_by_role("button", name="A new code can be sent in")).to_be_disabled()
    page.keyboard.type(share.mail_code())
    page.get_by_role("heading", name="Enter the access code").wait_for()
    expect(page.locator(".from")).to_contain_text("Emix Sample Hospital, CT desk")
    page.keyboard.type(share.code[:9])
    _save(page, "recipient-code.png")
    page.keyboard.type(share.code[9:])
    page.keyboard.press("Enter")
    page.locator(".viewport[data-shown]").wait_for()
    assert "CANARYSURNAME" in page.locator(".banner").inner_text()
    origin = share.link.split("/r/")[0]
    foreign = [url for url in asked if not url.startswith((origin, "blob:", "data:"))]
    assert foreign == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.evaluate("document.cookie") == ""


def _package(share: Share) -> str:
    packages = share.demo.run("list", "--json")["packages"]
    mine = [p for p in packages if share.share_id in str(p)]
    return str((mine or packages)[0]["package_id"])


def test_copy_opens_with_the_same_code(open_page: OpenPage, share: Share, tmp_path: Path) -> None:
    page = open_page(accept_downloads=True)
    _to_access_code(page, share)
    page.keyboard.type(share.code)
    page.keyboard.press("Enter")
    page.locator(".viewport[data-shown]").wait_for()
    page.keyboard.press("k")
    expect(page.locator("dialog")).to_contain_text("the same access code")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the file").click()
    target = tmp_path / "copy.html"
    download.value.save_as(target)
    offline = open_page()
    offline.goto(target.as_uri())
    offline.locator(".code-input").fill(share.code)
    offline.keyboard.press("Enter")
    offline.locator(".viewport[data-shown]").wait_for()


def test_wrong_codes(open_page: OpenPage, share: Share) -> None:
    page = open_page(allowed=REFUSED)
    page.goto(share.link)
    page.get_by_role("button", name="Send me a code by mail").click()
    page.locator(".otp-input").wait_for()
    good = share.mail_code()
    expect(page.locator(".gate-foot")).to_contain_text("Ask the sender")
    page.keyboard.type(f"{(int(good) + 1) % 1_000_000:06d}")
    expect(page.locator(".field-state")).to_contain_text("4 tries left")
    expect(page.locator(".field-state")).to_contain_text("ask the sender")
    page.keyboard.type(good)
    page.get_by_role("heading", name="Enter the access code").wait_for()
    page.keyboard.type("AAAAAAAAAAA")
    expect(page.locator(".field-state")).to_contain_text("mistyped")
    for left in (4, 3, 2, 1, 0):
        page.locator(".code-input").fill("0000000000" + "0")
        page.keyboard.press("Enter")
        if left > 1:
            expect(page.locator(".tries")).to_contain_text(f"{left} tries left")
        elif left == 1:
            expect(page.locator(".tries")).to_contain_text("One try left")
    page.get_by_role("heading", name="Locked").wait_for()
    expect(page.locator(".lead")).to_contain_text("call the sender")


def test_revoked_and_unknown_links(open_page: OpenPage, share: Share) -> None:
    page = open_page(allowed=REFUSED)
    _to_access_code(page, share)
    share.demo.run("revoke", share.share_id, "--yes", "--json")
    page.keyboard.type(share.code)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="No longer available").wait_for()
    page.goto(share.link.rsplit("/", 1)[0] + "/" + "x" * 43)
    page.get_by_role("button", name="Send me a code by mail").click()
    page.locator(".otp-input").wait_for()
    page.keyboard.type("123456")
    expect(page.locator(".field-state")).to_contain_text("not the code")


def test_an_open_viewer_ends_within_a_minute_of_the_revocation(
    open_page: OpenPage, share: Share
) -> None:
    page = open_page(allowed=REFUSED)
    _to_access_code(page, share)
    page.keyboard.type(share.code)
    page.keyboard.press("Enter")
    page.locator(".viewport[data-shown]").wait_for()
    share.demo.run("revoke", share.share_id, "--yes", "--json")
    page.get_by_role("heading", name="No longer available").wait_for(timeout=60_000)
    assert page.locator("canvas").count() == 0
    assert "CANARYSURNAME" not in page.content()


def test_exchange_that_is_away(open_page: OpenPage, share: Share) -> None:
    page = open_page(allowed=r"ERR_INTERNET_DISCONNECTED")
    page.goto(share.link)
    page.context.set_offline(True)
    page.get_by_role("button", name="Send me a code by mail").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    page.context.set_offline(False)
    page.get_by_role("button", name="Send me a code by mail").click()
    page.locator(".otp-input").wait_for()


def test_phone(open_page: OpenPage, share: Share) -> None:
    page = open_page(**PHONE)
    page.goto(share.link)
    page.get_by_role("button", name="Send me a code by mail").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    _save(page, "recipient-phone.png")

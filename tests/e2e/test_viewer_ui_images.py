"""Screenshots for the documentation; written to docs/images with EMIX_UPDATE_IMAGES=1."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page

from emixcli.demo.cd import write_sample_cd
from tests.e2e.conftest import PHONE, OpenPage
from tests.e2e.packages import Sample, unlock, wait_shown
from tests.running import ROOT, EmixProcess

IMAGES = ROOT / "docs" / "images"
UPDATE = os.environ.get("EMIX_UPDATE_IMAGES", "") not in {"", "0"}

pytestmark = pytest.mark.skipif(not UPDATE, reason="set EMIX_UPDATE_IMAGES=1 to make the images")


@pytest.fixture(scope="module")
def cd(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("cd")
    write_sample_cd(folder / "cd.iso")
    package, code = folder / "images.html", folder / "code"
    done = EmixProcess(folder)(
        "pack", folder / "cd.iso", "-o", package, "--code-out", code, "-q",
        env={"EMIX_HOME": str(folder / "home")},
    )  # fmt: skip
    assert done.code == 0, done.stderr
    return Sample(package, code.read_text().strip(), {}, {})


def _save(page: Page, name: str) -> None:
    page.wait_for_timeout(1500)  # thumbnails
    IMAGES.mkdir(parents=True, exist_ok=True)
    target: Path = IMAGES / name
    page.screenshot(path=target)
    assert target.stat().st_size > 10_000


def test_unlock(open_page: OpenPage, cd: Sample) -> None:
    page = open_page()
    page.goto(cd.path.as_uri())
    page.locator(".code-input").wait_for()
    page.keyboard.type(cd.code[:8])
    _save(page, "unlock.png")


def test_viewer(open_page: OpenPage, cd: Sample) -> None:
    page = open_page()
    page.goto(cd.path.as_uri())
    unlock(page, cd)
    page.keyboard.press("Shift+ArrowUp")
    wait_shown(page, 61)
    _save(page, "viewer.png")
    page.locator(".item.document").first.click()
    _save(page, "viewer-report.png")


def test_phone(open_page: OpenPage, cd: Sample) -> None:
    page = open_page(**PHONE)
    page.goto(cd.path.as_uri())
    unlock(page, cd)
    _save(page, "viewer-phone.png")

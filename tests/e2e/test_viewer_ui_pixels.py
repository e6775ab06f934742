"""What stands on the canvas is what pydicom makes of the file, from disk and over HTTP."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import OpenPage
from tests.e2e.packages import PIXELS, Sample, canvas_pixels, expected, unlock, wait_shown


@pytest.fixture(params=["file", "http"])
def opened(request: pytest.FixtureRequest, open_page: OpenPage, sample: Sample, web: str) -> Page:
    page = open_page()
    address = sample.path.as_uri() if request.param == "file" else f"{web}/{sample.path.name}"
    # Over HTTP the page stops its own loading, so that "load" never comes.
    page.goto(address, wait_until="commit")
    unlock(page, sample)
    return page


def _compare(page: Page, sample: Sample, name: str) -> None:
    data = pydicom.dcmread(sample.files[name], stop_before_pixels=True)
    page.locator(".item.set", has=page.get_by_text(name, exact=True)).click()
    for frame in range(int(data.get("NumberOfFrames", 1) or 1)):
        page.keyboard.press("Home")
        for _ in range(frame):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("a")
        wait_shown(page, frame)
        assert page.locator(".viewport-message").is_hidden(), page.locator(
            ".viewport-message"
        ).inner_text()
        got = canvas_pixels(page, data.Rows, data.Columns).astype(int)
        wanted = expected(sample.files[name], frame).astype(int)
        difference = np.abs(got - wanted)
        assert wanted.max() > wanted.min()
        # JPEG decoders round in different ways; everything else is exact.
        assert difference.max() <= (4 if name == "JPEG" else 0), (name, frame)


def test_pixels_are_those_of_pydicom(opened: Page, sample: Sample) -> None:
    for name in PIXELS:
        _compare(opened, sample, name)

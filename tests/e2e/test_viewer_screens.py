"""What the viewer says when a package is not as it should be, and how it adapts to a person."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from emixcli.container.code import generate_code
from tests.e2e.conftest import DESKTOP, PHONE, OpenPage
from tests.e2e.packages import (
    COLUMNS,
    N_SLICES,
    ROWS,
    Sample,
    ct_slice,
    unlock,
    wait_shown,
    write_sample,
)
from tests.e2e.pixels import VIEWER

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
SIZE = 64
N = 31
#: Images that neither stand on the screen at first nor are read ahead.
FAR = range(2, 9)
MIDDLE = (N - 1) // 2
#: Codes of answers that these tests provoke on purpose.
ALLOWED = r"willReadFrequently|ERR_|status of 4|Not allowed to load|fetch|CORS"


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """A stack of noise, so that all entries have the same length, with a box drawn over image 1."""
    folder = tmp_path_factory.mktemp("noise")
    media = folder / "media"
    media.mkdir()
    rng = np.random.default_rng(7)
    for number in range(1, N + 1):
        data = ct_slice(number)
        data.Rows = data.Columns = SIZE
        data.PixelData = rng.bytes(2 * SIZE * SIZE)
        if number == 1:
            box = np.zeros((SIZE, SIZE), np.uint8)
            box[20:30, 40:60] = 1
            data.add_new(0x60000010, "US", SIZE)
            data.add_new(0x60000011, "US", SIZE)
            data.add_new(0x60000040, "CS", "G")
            data.add_new(0x60000050, "SS", [1, 1])
            data.add_new(0x60000100, "US", 1)
            data.add_new(0x60000102, "US", 0)
            data.add_new(0x60003000, "OW", np.packbits(box, bitorder="little").tobytes())
        data.save_as(media / f"N{number}", enforce_file_format=True)
    path, code = folder / "noise.html", generate_code()
    write_sample(path, code, media, [])
    return Sample(path, code, {}, {})


def place(content: bytes, path: Path, name: str) -> tuple[int, int]:
    """Return offset and length of an entry's data: salt to authentication code."""
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo(name)
    at = entry.header_offset
    name_length, extra = struct.unpack_from("<HH", content, at + 26)
    return at + 30 + name_length + extra, entry.compress_size


def image(number: int) -> str:
    return f"DICOM/S0001/E0001/I{number:05d}"


@pytest.fixture
def changed(noise: Sample, web_of: Callable[[Path], str], tmp_path: Path) -> Callable[..., str]:
    """Write a changed copy of the package and give its address over HTTP."""

    def change(how: Callable[[bytearray], object]) -> str:
        content = bytearray(noise.path.read_bytes())
        how(content)
        (tmp_path / "changed.html").write_bytes(content)
        return f"{web_of(tmp_path)}/changed.html"

    return change


def alert(page: Page) -> str:
    page.locator(".gate [role=alert]").wait_for()
    return page.locator(".gate [role=alert]").inner_text()


def test_damaged_image(open_page: OpenPage, noise: Sample, changed: Callable[..., str]) -> None:
    def flip(content: bytearray) -> None:
        at, _ = place(bytes(content), noise.path, image(MIDDLE + 1))
        content[at + 100] ^= 1

    page = open_page(allowed=ALLOWED)
    page.goto(changed(flip), wait_until="commit")
    unlock(page, noise)
    message = page.locator(".viewport-message")
    expect(message).to_contain_text("This image cannot be shown")
    expect(message).to_contain_text("damaged")
    expect(message.get_by_role("button", name="Try again")).to_be_visible()
    page.keyboard.press("ArrowDown")
    wait_shown(page, MIDDLE + 1)
    expect(message).to_be_hidden()


def test_swapped_entries(open_page: OpenPage, noise: Sample, changed: Callable[..., str]) -> None:
    swapped: list[int] = []

    def swap(content: bytearray) -> None:
        raw = bytes(content)
        by_length: dict[int, list[tuple[int, int]]] = {}
        for k in FAR:
            at, length = place(raw, noise.path, image(k))
            by_length.setdefault(length, []).append((k, at))
        n, same = next((n, same) for n, same in by_length.items() if len(same) > 1)
        (first, a), (_, b) = same[:2]
        swapped.append(first)
        content[a : a + n], content[b : b + n] = raw[b : b + n], raw[a : a + n]

    page = open_page(allowed=ALLOWED)
    page.goto(changed(swap), wait_until="commit")
    unlock(page, noise)
    page.locator(".signature.valid").wait_for()
    page.keyboard.press("Home")
    for _ in range(swapped[0] - 1):
        page.keyboard.press("ArrowDown")
    message = page.locator(".viewport-message")
    expect(message).to_contain_text("This image cannot be shown")
    expect(message).to_contain_text("altered")


def test_invalid_signature(open_page: OpenPage, noise: Sample, changed: Callable[..., str]) -> None:
    def flip(content: bytearray) -> None:
        at, length = place(bytes(content), noise.path, "EMIX/MANIFEST.SIG")
        content[at + length // 2] ^= 1

    page = open_page(allowed=ALLOWED)
    page.goto(changed(flip), wait_until="commit")
    unlock(page, noise)
    notice = page.locator(".notice.error")
    expect(notice).to_contain_text("The signature does not fit")
    expect(notice.get_by_role("button", name="Hide")).to_have_count(0)
    expect(page.locator(".signature")).to_have_class("signature invalid")


def test_newer_version(open_page: OpenPage, changed: Callable[..., str]) -> None:
    def rename(content: bytearray) -> None:
        at = content.index(b'"emix/1"', content.index(b'id="emix-package"'))
        content[at : at + 8] = b'"emix/9"'

    page = open_page(allowed=ALLOWED)
    page.goto(changed(rename), wait_until="commit")
    assert "newer version" in alert(page)
    assert page.evaluate("document.activeElement.tagName") == "H1"
    expect(page.locator(".gate").get_by_role("button")).to_have_count(0)
    page.get_by_text("Details", exact=True).click()
    expect(page.locator(".gate details p")).to_be_visible()


def test_damaged_head(open_page: OpenPage, changed: Callable[..., str]) -> None:
    def break_it(content: bytearray) -> None:
        at = content.index(b'"emix/1"', content.index(b'id="emix-package"'))
        content[at] = ord("{")

    page = open_page(allowed=ALLOWED)
    page.goto(changed(break_it), wait_until="commit")
    assert "damaged" in alert(page)


def test_truncated_on_the_way(
    open_page: OpenPage, noise: Sample, changed: Callable[..., str]
) -> None:
    def cut(content: bytearray) -> None:
        del content[len(content) * 9 // 10 :]

    page = open_page(allowed=ALLOWED)
    page.goto(changed(cut), wait_until="commit")
    page.locator(".code-input").fill(noise.code)
    page.keyboard.press("Enter")
    assert "end of the file is missing" in alert(page)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".code-input")).to_be_focused()


def test_truncated_on_disk(open_page: OpenPage, noise: Sample, tmp_path: Path) -> None:
    content = noise.path.read_bytes()
    at, length = place(content, noise.path, image(N - 1))
    short = tmp_path / "short.html"
    short.write_bytes(content[: at + length // 2])
    page = open_page()
    page.goto(short.as_uri())
    unlock(page, noise)
    expect(page.locator(".notice.error").first).to_contain_text("incomplete")
    expect(page.locator(".corner-bl")).to_contain_text(f"/{N}")
    page.keyboard.press("End")
    expect(page.locator(".viewport-message")).to_contain_text("cannot be shown")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Too large for the browser to parse: frames of zeros, which nothing compresses."""
    folder = tmp_path_factory.mktemp("large")
    media = folder / "media"
    media.mkdir()
    data = ct_slice(1)
    frame = data.PixelData
    data.NumberOfFrames = 104_000_000 // len(frame)
    data.PixelData = frame * data.NumberOfFrames
    data.save_as(media / "L1", enforce_file_format=True)
    path, code = folder / "large file.html", generate_code()
    write_sample(path, code, media, [])
    shutil.rmtree(media)
    return Sample(path, code, {}, {})


def test_large_file_is_chosen_once_more(
    open_page: OpenPage, large: Sample, noise: Sample, tmp_path: Path
) -> None:
    page = open_page(allowed=ALLOWED)
    page.goto(large.path.as_uri(), wait_until="commit")
    expect(page.locator(".file-name")).to_contain_text("large file.html")
    expect(page.locator("#file-input")).to_be_focused()
    page.set_input_files("#file-input", noise.path)
    assert "not the file" in alert(page)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#file-input")).to_be_focused()
    short = tmp_path / "short.html"
    short.write_bytes(large.path.read_bytes()[: 200_000_000 // 2])
    page.set_input_files("#file-input", short)
    assert "end of the file is missing" in alert(page)
    short.unlink()
    page.get_by_role("button", name="Try again").click()
    with page.expect_file_chooser() as chooser:
        page.locator(".drop label").click()
    chooser.value.set_files(large.path)
    unlock(page, large)
    page.keyboard.press("End")
    wait_shown(page, 104_000_000 // (2 * ROWS * COLUMNS) - 1)
    expect(page.locator(".signature")).to_have_class("signature valid")


OVERLAY = """() => {
  const {width, height} = document.querySelector('.viewport-canvas');
  const context = document.querySelector('.viewport-canvas').getContext('2d');
  const left = Math.round((width - 64) / 2), top = Math.round((height - 64) / 2);
  const at = (x, y) => [...context.getImageData(left + x, top + y, 1, 1).data.slice(0, 3)];
  return [at(41, 21), at(59, 29), at(39, 21), at(41, 31)];
}"""


def is_grey(pixel: list[int]) -> bool:
    return pixel[0] == pixel[1] == pixel[2]


def test_graphics_over_the_image(open_page: OpenPage, noise: Sample) -> None:
    page = open_page()
    page.goto(noise.path.as_uri())
    unlock(page, noise)
    button = page.locator("[data-command=graphics]")
    expect(button).to_be_hidden()
    page.keyboard.press("Home")
    wait_shown(page, 0)
    page.keyboard.press("a")
    wait_shown(page, 0)
    expect(button).to_have_attribute("aria-pressed", "true")
    inside, last, left, below = page.evaluate(OVERLAY)
    assert inside == last
    assert not is_grey(inside)
    assert is_grey(left)
    assert is_grey(below)
    page.keyboard.press("g")
    expect(button).to_have_attribute("aria-pressed", "false")
    wait_shown(page, 0)
    assert all(is_grey(pixel) for pixel in page.evaluate(OVERLAY))


def test_reduced_motion(open_page: OpenPage, noise: Sample) -> None:
    moving = """() => document.getAnimations().filter(a => {
      const {duration} = a.effect.getComputedTiming();
      return a instanceof CSSTransition || duration < 2000;
    }).length"""
    page = open_page(reduced_motion="reduce")
    page.goto(noise.path.as_uri())
    unlock(page, noise)
    for key in ("m", "Escape", "?", "Escape", "b", "b"):
        page.keyboard.press(key)
        assert page.evaluate(moving) == 0, key
    durations = page.evaluate(
        "() => [...document.querySelectorAll('*')].map(e => getComputedStyle(e).transitionDuration)"
    )
    assert set(durations) == {"0s"}


@pytest.mark.parametrize("screen", [DESKTOP, {"width": 1920, "height": 1080}, PHONE["viewport"]])
def test_everything_fits_the_screen(
    open_page: OpenPage, sample: Sample, screen: dict[str, int]
) -> None:
    page = open_page(viewport=screen)
    page.goto(sample.path.as_uri())
    page.locator(".code-input").wait_for()
    fits(page, screen, ".card", ".code-input", ".gate .button")
    unlock(page, sample)
    page.locator(".notice").first.wait_for()
    fits(page, screen, ".banner", ".toolbar", ".side", ".viewport", ".notice", ".slider")
    canvas = page.locator(".viewport-canvas").bounding_box()
    assert canvas is not None
    assert canvas["width"] * canvas["height"] > 0.35 * screen["width"] * screen["height"]
    for key in ("?", "o", "n"):
        page.keyboard.press(key)
        fits(page, screen, "dialog[open]")
        page.keyboard.press("Escape")


def fits(page: Page, screen: dict[str, int], *selectors: str) -> None:
    """No element reaches beyond the screen, and the page does not scroll sideways."""
    for selector in selectors:
        box = page.locator(selector).first.bounding_box()
        assert box is not None, selector
        assert box["x"] >= 0, selector
        assert box["y"] >= 0, selector
        assert box["x"] + box["width"] <= screen["width"] + 1, selector
        assert box["y"] + box["height"] <= screen["height"] + 1, selector
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]


def test_from_code_to_document_by_keys_alone(open_page: OpenPage, sample: Sample) -> None:
    page = open_page()
    page.goto(sample.path.as_uri())
    page.locator(".code-input").wait_for()
    page.keyboard.type(sample.code.lower())
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Open images")).to_be_focused()
    page.keyboard.press("Enter")
    page.locator(".viewport[data-shown]").wait_for()
    expect(page.locator(".viewport")).to_be_focused()
    page.keyboard.press("m")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "menuitemradio"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("[role=menu]")).to_be_hidden()
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.document"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".document-pane")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".document-pane")).to_be_hidden()
    expect(page.locator(".viewport")).to_be_focused()


def test_what_a_screen_reader_hears(open_page: OpenPage, sample: Sample) -> None:
    page = open_page()
    page.goto(sample.path.as_uri())
    page.locator(".code-input").wait_for()
    tree = page.locator("body").aria_snapshot()
    assert '- textbox "Access code' in tree, tree
    assert '- button "Open images"' in tree
    unlock(page, sample)
    roles = page.evaluate(
        """() => [...document.querySelectorAll('[role=toolbar], nav, [role=slider], section')]
          .filter(e => !e.getAttribute('aria-label')).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert roles == []
    assert page.locator("canvas:not([aria-hidden])").count() <= 1
    assert page.evaluate("[...document.querySelectorAll('[tabindex]')].every(e => e.tabIndex < 1)")


def test_nothing_is_left_in_the_browser(open_page: OpenPage, noise: Sample) -> None:
    page = open_page()
    page.goto(noise.path.as_uri())
    unlock(page, noise)
    assert page.evaluate("() => [document.cookie, sessionStorage.length]") == ["", 0]
    stored = page.evaluate("() => JSON.stringify(localStorage)")
    assert noise.code.replace("-", "") not in stored.replace("-", "")
    assert os.fspath(noise.path) not in stored


@pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed: apt-get install firefox-esr")
@pytest.mark.parametrize("way", ["file", "http"])
def test_the_main_way_in_firefox(sample: Sample, web: str, way: str) -> None:
    address = sample.path.as_uri() if way == "file" else f"{web}/{sample.path.name}"
    command = ["node", "test/firefox-ui.mjs", str(FIREFOX), address, sample.code]
    done = subprocess.run(
        command, cwd=VIEWER, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert f"Im 2/{N_SLICES}" in said["position"]
    assert said["values"] > 2
    assert said["signature"] == "Signed, unchanged since"
    assert "Example, Anna Maria" in said["banner"]
    assert said["problems"] == []

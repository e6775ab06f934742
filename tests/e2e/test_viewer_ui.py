"""The viewer as a reader works with it: every control, by mouse, keys and touch."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PHONE, OpenPage
from tests.e2e.packages import LOST, N_SLICES, Sample, shown, unlock, wait_shown

ZOOM = "document.querySelector('.viewport-canvas').dataset.zoom"


@pytest.fixture
def viewer(open_page: OpenPage, sample: Sample) -> Page:
    page = open_page(allowed=r"willReadFrequently")
    page.goto(sample.path.as_uri())
    unlock(page, sample)
    stack(page)
    return page


def stack(page: Page) -> None:
    """Go to the CT stack, first image."""
    page.locator(".item.set", has=page.get_by_text("Thorax 2.5 mm", exact=True)).click()
    page.keyboard.press("Home")
    wait_shown(page, 0)


def corner(page: Page, name: str) -> str:
    return page.locator(f".corner-{name}").inner_text()


def letters(page: Page) -> str:
    return "".join(
        page.locator(f".letter-{edge}").inner_text() for edge in ("top", "right", "bottom", "left")
    )


def test_nothing_of_the_patient_before_unlocking(open_page: OpenPage, sample: Sample) -> None:
    page = open_page()
    page.goto(sample.path.as_uri())
    page.locator(".code-input").wait_for()
    assert "Example" not in page.locator("#app").inner_text()
    assert "Example" not in page.title()
    assert "Riverside" not in page.locator("#app").inner_text()


def test_access_code_field(open_page: OpenPage, sample: Sample) -> None:
    page = open_page()
    page.goto(sample.path.as_uri())
    field, state = page.locator(".code-input"), page.locator(".field-state")
    symbols = sample.code.replace("-", "")
    field.wait_for()
    page.keyboard.type(symbols[:7].lower())
    expect(field).to_have_value(f"{symbols[:5]}-{symbols[5:7]}")
    expect(state).to_have_text("7 of 11 characters")
    page.keyboard.type(symbols[7:10] + ("0" if symbols[10] != "0" else "1"))
    expect(state).to_contain_text("mistyped")
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    page.keyboard.press("Backspace")
    page.keyboard.type(symbols[10])
    expect(state).to_have_text("The code is complete.")


def test_wrong_code_is_said_in_words(open_page: OpenPage, sample: Sample) -> None:
    page = open_page()
    page.goto(sample.path.as_uri())
    page.locator(".code-input").fill("a passphrase that is not it")
    page.keyboard.press("Enter")
    expect(page.locator(".field-state")).to_contain_text("does not open this file")
    unlock(page, sample)


def test_banner_texts_and_sender(viewer: Page) -> None:
    banner = viewer.locator(".banner").inner_text()
    for text in ("Example, Anna Maria", "born 12 Mar 1961", "64 y", "female", "ID 4711-08",
                 "CT thorax", "14 Jan 2026", "Riverside Hospital"):  # fmt: skip
        assert text in banner
    assert corner(viewer, "bl").endswith("Pos 2.5 mm  Thk 2.5 mm")
    assert f"Im 1/{N_SLICES}" in corner(viewer, "bl")
    assert "W 400  L 50" in corner(viewer, "br")
    assert letters(viewer) == "ALPR"
    assert viewer.locator(".scale-text").inner_text().endswith("cm")
    expect(viewer.locator(".signature")).to_have_text("Signed, unchanged since")


def test_missing_images_are_gaps(viewer: Page) -> None:
    numbers = f"{LOST[0]}-{LOST[-1]}"
    notice = viewer.locator(".notice", has_text=f"Images {numbers} of series 2")
    expect(notice).to_be_visible()
    for _ in range(LOST[0] - 1):
        viewer.keyboard.press("ArrowDown")
    wait_shown(viewer, LOST[0] - 1)
    expect(viewer.locator(".viewport-message")).to_contain_text(f"Image {LOST[0]} is missing")
    expect(viewer.locator(".corners")).to_be_hidden()
    notice.get_by_text("Details").click()
    expect(viewer.locator("dialog")).to_contain_text(f"Images {numbers} of series 2")
    viewer.keyboard.press("Escape")
    notice.get_by_text("Hide").click()
    expect(notice).to_have_count(0)


def test_scrolling(viewer: Page) -> None:
    viewer.keyboard.press("ArrowDown")
    wait_shown(viewer, 1)
    viewer.keyboard.press("Shift+ArrowDown")
    wait_shown(viewer, 11)
    viewer.keyboard.press("End")
    wait_shown(viewer, N_SLICES - 1)
    box = viewer.locator(".viewport").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    viewer.mouse.move(x, y)
    viewer.mouse.wheel(0, -100)
    wait_shown(viewer, N_SLICES - 2)
    viewer.mouse.down()
    viewer.mouse.move(x, y - 100, steps=5)
    viewer.mouse.up()
    assert shown(viewer)[0] < N_SLICES - 3
    slider = viewer.locator(".slider")
    slider.click(position={"x": 14, "y": 2})
    wait_shown(viewer, 0)
    assert slider.get_attribute("aria-valuenow") == "1"


def test_window(viewer: Page) -> None:
    viewer.keyboard.press("m")
    expect(viewer.locator("[role=menu]")).to_contain_text("Lung")
    viewer.get_by_role("menuitemradio", name="Lung").click()
    window = viewer.locator(".corner-br")
    expect(window).to_contain_text("W 1500  L -600")
    viewer.keyboard.press("5")
    expect(window).to_contain_text("W 80  L 40")
    viewer.keyboard.press("1")
    wait_shown(viewer, 0)
    box = viewer.locator(".viewport").bounding_box()
    assert box is not None
    viewer.mouse.move(box["x"] + 400, box["y"] + 300)
    viewer.mouse.down(button="right")
    viewer.mouse.move(box["x"] + 475, box["y"] + 300, steps=3)
    viewer.mouse.up(button="right")
    wait_shown(viewer, 0)
    assert "W 400" not in corner(viewer, "br")
    viewer.keyboard.press("0")
    wait_shown(viewer, 0)
    assert "W 400  L 50" in corner(viewer, "br")


def test_view(viewer: Page) -> None:
    fitted = float(viewer.evaluate(ZOOM))
    for key, expected in (("r", "RALP"), ("l", "ALPR"), ("h", "ARPL"), ("v", "PRAL")):
        viewer.keyboard.press(key)
        wait_shown(viewer, 0)
        assert letters(viewer) == expected, key
    for key, zoom in (("a", 1), ("+", 1.25), ("-", 1), ("f", fitted)):
        viewer.keyboard.press(key)
        wait_shown(viewer, 0)
        assert float(viewer.evaluate(ZOOM)) == pytest.approx(zoom), key
    viewer.keyboard.press("i")
    expect(viewer.locator("[data-command=invert]")).to_have_attribute("aria-pressed", "true")
    viewer.keyboard.press("0")
    wait_shown(viewer, 0)
    assert letters(viewer) == "ALPR"
    viewer.keyboard.press("t")
    expect(viewer.locator(".corner-tl .line").first).to_be_hidden()


def test_cine(viewer: Page) -> None:
    viewer.locator(".item.set", has=viewer.get_by_text("RGB frames", exact=True)).click()
    wait_shown(viewer, 0)
    viewer.keyboard.press("c")
    expect(viewer.locator("[data-command=cine]")).to_have_attribute("aria-pressed", "true")
    wait_shown(viewer, 1)
    wait_shown(viewer, 0)
    viewer.keyboard.press(".")
    viewer.keyboard.press("c")
    expect(viewer.locator("[data-command=cine]")).to_have_attribute("aria-pressed", "false")
    expect(viewer.locator(".rate-value")).to_have_text("14/s")


def test_documents(viewer: Page) -> None:
    pane, items = viewer.locator(".document-pane"), viewer.locator(".item.document")
    texts = items.all_inner_texts()
    assert len(texts) == 5, texts
    for item in items.all():
        item.click()
        expect(pane).to_be_visible()
        expect(pane.locator(".busy")).to_have_count(0)
    assert pane.locator("script, b").count() == 0
    items.filter(has_text="PDF").first.click()
    frame = pane.locator("iframe")
    expect(frame).to_have_attribute("src", "blob:null/" + (frame.get_attribute("src") or "")[10:])
    with viewer.expect_download() as download:
        pane.get_by_role("button", name="Save a copy").click()
    assert download.value.suggested_filename.endswith(".pdf")
    viewer.locator(".viewport").evaluate("() => document.activeElement.blur()")
    viewer.keyboard.press("Escape")
    expect(pane).to_be_hidden()


def test_zip_password_and_licences(viewer: Page) -> None:
    viewer.keyboard.press("o")
    sheet = viewer.locator("dialog")
    expect(sheet).to_contain_text("Riverside Hospital")
    expect(sheet.locator(".password")).to_be_hidden()
    sheet.get_by_role("button", name="Show the ZIP password").click()
    assert len(sheet.locator(".password").inner_text()) == 43
    sheet.get_by_text("Licences", exact=True).click()
    assert "MIT" in sheet.locator("pre").inner_text()


def test_keyboard_alone(open_page: OpenPage, sample: Sample) -> None:
    page = open_page()
    page.goto(sample.path.as_uri())
    unlock(page, sample)
    assert page.evaluate("document.activeElement.className").startswith("viewport")
    reached: set[str] = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.dataset.command || document.activeElement.dataset.set"
                " || document.activeElement.dataset.document || document.activeElement.className"
            )
        )
    wanted = set(
        page.evaluate(
            "[...document.querySelectorAll('.tool:not([hidden])')].map(b => b.dataset.command)"
        )
    )
    assert wanted <= reached
    assert len([name for name in reached if name.startswith(("set-", "doc-"))]) > 8
    page.keyboard.press("?")
    sheet = page.locator("dialog")
    expect(sheet).to_be_visible()
    sheet.get_by_label("Single-letter keys are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("i")
    expect(page.locator("[data-command=invert]")).to_have_attribute("aria-pressed", "false")


def test_every_control_has_a_name_and_a_key(viewer: Page) -> None:
    nameless = viewer.evaluate(
        """() => [...document.querySelectorAll('button, input, [role=slider], iframe, dialog')]
          .filter(e => !(e.getAttribute('aria-label') || e.title || e.innerText))
          .filter(e => !e.labels?.length)
          .map(e => e.outerHTML)"""
    )
    assert nameless == []
    for tool in viewer.locator(".tool").all():
        assert tool.get_attribute("aria-keyshortcuts")
        assert tool.get_attribute("title")
    tree = viewer.locator("body").aria_snapshot()
    for role in ("banner", "toolbar", "navigation", "main", "slider", "heading"):
        assert f"- {role}" in tree, role
    assert viewer.locator("html").get_attribute("lang") == "en"
    assert viewer.evaluate("document.querySelectorAll('[style]:not(canvas)').length") <= 3
    expect(viewer.locator(".sr-only[aria-live]")).to_have_text(f"Image 1 of {N_SLICES}")


def test_phone(open_page: OpenPage, sample: Sample) -> None:
    page = open_page(**PHONE)
    page.goto(sample.path.as_uri())
    page.locator(".code-input").fill(sample.code)
    page.get_by_role("button", name="Open images").tap()
    page.locator(".viewport[data-shown]").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for selector in (".banner", ".viewport", ".side", ".toolbar"):
        box = page.locator(selector).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 391
        assert box["y"] + box["height"] <= 845
    page.locator(".item.set").nth(1).tap()
    expect(page.locator(".item.set").nth(1)).to_have_attribute("aria-current", "true")
    stack(page)
    box = page.locator(".viewport").bounding_box()
    assert box is not None
    x, y = box["x"] + 150, box["y"] + 200
    touch = page.context.new_cdp_session(page)
    touch.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    for dy in range(0, 120, 10):
        points = [{"x": x, "y": y + dy}]
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("document.querySelector('.viewport').dataset.shown.split(':')[1] > 1")
    before = float(page.evaluate(ZOOM))
    pinch(page, x, y)
    page.wait_for_function(f"{ZOOM} > {before * 1.5}")


def pinch(page: Page, x: float, y: float) -> None:
    """Spread two fingers from 40 to 120 pixels."""
    touch = page.context.new_cdp_session(page)

    def points(gap: float) -> list[dict[str, float]]:
        return [{"x": x - gap, "y": y, "id": 0}, {"x": x + gap, "y": y, "id": 1}]

    event = "Input.dispatchTouchEvent"
    touch.send(event, {"type": "touchStart", "touchPoints": points(20)})
    for gap in range(25, 65, 5):
        touch.send(event, {"type": "touchMove", "touchPoints": points(gap)})
    touch.send(event, {"type": "touchEnd", "touchPoints": []})

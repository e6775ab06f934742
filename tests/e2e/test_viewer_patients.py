"""Whose image or document is on the screen, and what a recipient is told of an unwhole disc."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from playwright.sync_api import Page, expect

from emixcli.container.code import generate_code
from tests.builders import CANARY, encapsulated_pdf, file_set, instance, pdf, truncate, write
from tests.e2e.conftest import PHONE, OpenPage
from tests.e2e.packages import Sample, unlock, write_sample

ANNA = replace(CANARY, name="Example^Anna", id="P-1", birth_date="19610312")
BERT = replace(CANARY, name="Sample^Bert", id="P-2", birth_date="19700102")
CARA = replace(CANARY, name="Rivers^Cara", id="P-3", birth_date="")
N_BARE = 12
#: Bytes of an image of this test that are missing on the disc.
CUT = 400
PIXELS = (
    "PixelData", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "PixelSpacing",
)  # fmt: skip


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Three patients on a disc with a DICOMDIR: an image cut, two lost, and reports beside it."""
    folder = tmp_path_factory.mktemp("several")
    made = folder / "made"
    images = [(ANNA, 1, 2, 3), (BERT, 2, 4, 6), (CARA, 3, 7, 2)]
    files = [
        write(instance(phi=phi, study=study, series=series, number=n), made / f"{series}-{n}")
        for phi, study, series, count in images
        for n in range(1, count + 1)
    ]
    for number in range(1, N_BARE + 1):
        bare = instance(phi=BERT, study=2, series=5, number=number)
        for keyword in PIXELS:
            delattr(bare, keyword)
        files.append(write(bare, made / f"5-{number}"))
    files += [write(encapsulated_pdf(phi=phi, study=study), made / f"d{study}")
              for phi, study in ((ANNA, 1), (CARA, 3))]  # fmt: skip
    media = file_set(folder / "media", files)
    found = {str(pydicom.dcmread(p).SOPInstanceUID): p for p in media.rglob("IM*")}
    truncate(_file(found, 4, 3), keep=_file(found, 4, 3).stat().st_size - CUT)
    for number in (5, 6):
        _file(found, 4, number).unlink()
    reports = [folder / "one.pdf", folder / "two.pdf"]
    for report in reports:
        report.write_bytes(pdf(report.stem))
    path, code = folder / "several.html", generate_code()
    write_sample(path, code, media, reports)
    return Sample(path, code, {}, {})


def _file(found: dict[str, Path], series: int, number: int) -> Path:
    return next(p for p in found.values() if _is(p, series, number))


def _is(path: Path, series: int, number: int) -> bool:
    header = pydicom.dcmread(path, stop_before_pixels=True)
    return (header.SeriesNumber, header.InstanceNumber) == (series, number)


@pytest.fixture
def page(open_page: OpenPage, several: Sample) -> Page:
    opened = open_page(viewport={"width": 1366, "height": 768})
    opened.goto(several.path.as_uri())
    unlock(opened, several)
    return opened


def test_the_banner_follows_what_is_shown(page: Page) -> None:
    banner = page.locator(".banner-content")
    expect(banner).to_contain_text("Example, Anna")
    cara = page.locator(".patient", has_text="Rivers, Cara")
    cara.locator("[data-document]").click()
    expect(page.locator(".document-pane")).to_be_visible()
    expect(banner).to_contain_text("Rivers, Cara")
    expect(banner).to_contain_text("ID P-3")
    expect(banner).to_contain_text("Patient 3 of 3")
    expect(banner).not_to_contain_text("Anna")
    expect(page.locator(".banner [role=alert]")).to_have_text("Patient: Rivers, Cara, ID P-3")
    page.keyboard.press("Escape")
    expect(page.locator(".document-pane")).to_be_hidden()
    expect(banner).to_contain_text("Example, Anna")


def test_a_report_beside_the_images_is_nobodys(page: Page) -> None:
    beside = page.get_by_role("navigation", name="Reports beside the images")
    expect(beside.locator("h2")).to_contain_text("patient not named")
    beside.get_by_text("Report 2").click()
    expect(page.locator(".patient.current")).to_contain_text("Reports beside")
    banner = page.locator(".banner-content")
    expect(banner).to_have_text("Patient not named by emixread it in the report")
    expect(page.locator(".banner [role=alert]")).to_contain_text("is not known")
    for name in ("Anna", "Bert", "Cara"):
        expect(banner).not_to_contain_text(name)


def test_with_one_patient_it_is_said_that_nothing_was_compared(
    open_page: OpenPage, sample: Sample
) -> None:
    page = open_page()
    page.goto(sample.path.as_uri())
    unlock(page, sample)
    expect(page.locator(".banner-note")).to_have_count(0)
    titles = page.locator("[data-document] .item-title").all_inner_texts()
    assert titles[:2] == ["Report 1", "Report 2"]
    page.locator("[data-document]").first.click()
    expect(page.locator(".banner-note")).to_have_text("not compared with the images")
    expect(page.locator(".banner-content")).to_contain_text("Example, Anna Maria")
    page.keyboard.press("Escape")
    expect(page.locator(".banner-note")).to_have_count(0)


def test_the_list_separates_patients(page: Page) -> None:
    heads = page.locator(".patient-head:not(.nobody)")
    assert heads.locator(".patient-name").all_inner_texts() == [
        "Example, Anna", "Sample, Bert", "Rivers, Cara",
    ]  # fmt: skip
    expect(heads.nth(1)).to_contain_text("ID P-2")
    expect(heads.nth(1)).to_contain_text("born 2 Jan 1970")
    expect(heads.nth(2)).to_contain_text("birth date not given")
    for name in ("Example, Anna", "Sample, Bert", "Rivers, Cara"):
        part = page.get_by_role("region", name=name)
        expect(part.get_by_role("navigation", name=f"Series: {name}")).to_be_visible()
    expect(page.locator(".patient.current .patient-name")).to_have_text("Example, Anna")
    bert = page.locator(".patient", has_text="Sample, Bert")
    bert.locator("[data-set]").first.click()
    expect(page.locator(".patient.current .patient-name")).to_have_text("Sample, Bert")
    expect(page.locator(".banner")).to_have_class("banner changed")
    page.locator(".side-scroll").evaluate("e => { e.scrollTop = 330 }")
    head, side = bert.locator(".patient-head").bounding_box(), page.locator(".side").bounding_box()
    assert head is not None
    assert side is not None
    assert head["y"] == pytest.approx(side["y"], abs=1)


def test_many_documents_of_a_series_are_one_row(page: Page) -> None:
    group = page.locator("details.document-group")
    expect(group).to_have_count(1)
    expect(group.locator("summary")).to_contain_text(f"{N_BARE} documents")
    expect(group.locator("[data-document]").first).to_be_hidden()
    group.locator("summary").focus()
    page.keyboard.press("Enter")
    last = group.locator("[data-document]").last
    expect(last).to_contain_text(f"Series 5 ({N_BARE})")
    last.click()
    expect(page.locator(".banner-content")).to_contain_text("Sample, Bert")


def test_the_recipient_is_told_what_the_disc_lacks(page: Page) -> None:
    missing = page.locator(".notice", has_text="2 image files are missing on the disc")
    expect(missing).to_contain_text("series 4")
    cut = page.locator(".notice", has_text="1 image file is cut short or damaged")
    expect(cut).to_contain_text("series 4")
    set_4 = page.locator("[data-set]", has_text="CT 4").locator(".item-count")
    expect(set_4).to_have_text("4 images, 2 missing, 1 damaged")
    expect(set_4).to_have_class("item-count warn")
    missing.get_by_role("button", name="Details").click()
    expect(page.locator("dialog")).to_contain_text("instances 5-6")
    expect(page.locator("dialog")).to_contain_text("What to do")


def test_trying_again_does_not_mend_a_cut_image(page: Page) -> None:
    page.locator("[data-set]", has_text="CT 4").click()
    page.keyboard.press("Home")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    message = page.locator(".viewport-message")
    expect(message).to_contain_text("This image was cut on the disc")
    expect(message.get_by_role("button")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(message).to_be_hidden()


def test_the_sender_is_always_in_sight(page: Page) -> None:
    for height in (768, 480):
        page.set_viewport_size({"width": 1366, "height": height})
        sender = page.locator(".sender").bounding_box()
        assert sender is not None
        assert sender["y"] + sender["height"] <= height
        expect(page.locator(".signature.valid")).to_be_in_viewport(ratio=1)


def test_patients_on_a_phone(open_page: OpenPage, several: Sample) -> None:
    page = open_page(**PHONE)
    page.goto(several.path.as_uri())
    unlock(page, several)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]
    expect(page.locator(".patient-head").first).to_be_in_viewport()
    page.locator("[data-set]").last.tap()
    expect(page.locator(".banner-content")).to_contain_text("Rivers, Cara")
    expect(page.locator(".patient.current .patient-head")).to_be_in_viewport()
    page.locator("[data-document]").last.tap()
    expect(page.locator(".banner-content")).to_contain_text("not named")
    expect(page.locator(".patient-head.nobody")).to_be_in_viewport()

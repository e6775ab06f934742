"""Screenshots for the documentation; written to docs/images with EMIX_UPDATE_IMAGES=1."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from playwright.sync_api import Page, expect

from emixcli.container.code import generate_code
from emixcli.demo.cd import write_sample_cd
from emixcli.media.reader import MediaReader
from emixcli.media.scan import scan_media
from tests.builders import file_set, pdf
from tests.e2e.conftest import PHONE, OpenPage
from tests.e2e.packages import Sample, unlock, wait_shown, write_sample
from tests.e2e.reports import Subject, cda, letter, oru
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


@pytest.fixture(scope="module")
def two_patients(cd: Sample, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The sample CD with the MR of another patient, and three slices of the CT lost."""
    folder = tmp_path_factory.mktemp("two")
    found = scan_media([str(cd.path.parent / "cd.iso")])
    files, lost = [], set()
    with MediaReader(found) as reader:
        for n, item in enumerate(found.iter_instances()):
            with reader.open(item) as file:
                data = pydicom.dcmread(BytesIO(file.read()))
            if data.Modality == "MR":
                data.PatientName, data.PatientID = "Example^Anna", "DEMO-0002"
                data.PatientBirthDate, data.PatientSex = "19700102", "F"
            if data.Modality == "CT" and data.InstanceNumber in {57, 58, 59}:
                lost.add(data.SOPInstanceUID)
            files.append(folder / f"made-{n}")
            data.save_as(files[-1])
    media = file_set(folder / "media", files)
    for path in media.rglob("*"):
        if path.is_file() and path.name != "DICOMDIR":
            uid = pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID
            if uid in lost:
                path.unlink()
    path, code = folder / "images.html", generate_code()
    write_sample(path, code, media, [])
    return Sample(path, code, {}, {})


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


def test_reports(open_page: OpenPage, cd: Sample, tmp_path: Path) -> None:
    """A report of each kind beside the CT of the sample CD."""
    who = Subject("Demo", "Anna", "DEMO-0001", "19570412", "F", "DEMO-CT-1")
    made = {"oru.hl7": oru(who), "cda.xml": cda(who), "letter.pdf": letter(who),
            "scan.pdf": pdf("A scanned page")}  # fmt: skip
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)
    path, code = tmp_path / "images.html", generate_code()
    write_sample(path, code, cd.path.parent / "cd.iso", [tmp_path / name for name in made])
    page = open_page()
    page.goto(path.as_uri())
    unlock(page, Sample(path, code, {}, {}))
    # The first is the CD's own; two documents stand inside the ORU.
    for number, kind in ((1, "oru"), (2, "inside"), (4, "cda"), (5, "pdf")):
        page.locator(".item.document").nth(number).click()
        expect(page.locator(".document-verdict")).to_contain_text("same patient")
        _save(page, f"report-{kind}.png")
    page.locator(".item.document").nth(6).click()
    expect(page.locator(".document-warning")).to_contain_text("Check the patient")
    _save(page, "report-warn.png")


def test_two_patients(open_page: OpenPage, two_patients: Sample) -> None:
    page = open_page()
    page.goto(two_patients.path.as_uri())
    unlock(page, two_patients)
    _save(page, "viewer-patients.png")


def test_phone(open_page: OpenPage, cd: Sample) -> None:
    page = open_page(**PHONE)
    page.goto(cd.path.as_uri())
    unlock(page, cd)
    _save(page, "viewer-phone.png")

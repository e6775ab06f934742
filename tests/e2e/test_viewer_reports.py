"""Reports beside images: drawn as text, compared in words, saved as they were; nothing runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from emixcli.container.code import generate_code
from emixcli.container.identity import new_identity
from emixcli.container.sink import FileSink
from emixcli.container.slots import make_code_slot
from emixcli.errors import EmixError
from emixcli.media.scan import scan_media
from emixcli.package import Sender, plan_package, write_package
from emixcli.reports.attached import load_report
from tests.builders import pdf
from tests.e2e.conftest import PHONE, OpenPage
from tests.e2e.packages import Sample, ct_slice, unlock
from tests.e2e.reports import Subject, cda, oru

WHO = Subject("Example", "Anna Maria", "4711-08", "19610312", "F", "A-20817")
OTHER = Subject("Example", "Berta", "4712-09", "19610312", "F", "A-20817")


def write_with(
    folder: Path, reports: list[Path], *, accept: str = "", named: bool = True
) -> Sample:
    """Write a package of one image and reports; of an unnamed patient any report may be."""
    media = folder / "media"
    media.mkdir(parents=True)
    data = ct_slice(1)
    if not named:
        data.PatientName = data.PatientID = data.PatientBirthDate = data.PatientSex = ""
    data.save_as(media / "I1", enforce_file_format=True)
    path, code, key = folder / "package.html", generate_code(), bytes(range(32))
    plan = plan_package(
        scan_media([str(media)]), reports=reports, accept_reports=accept,
        sender=Sender("A. Sender", "Riverside Hospital"),
    )  # fmt: skip
    slot, _ = make_code_slot(code, key, package_id=plan.package_id)
    with FileSink(path) as sink:
        write_package(plan, sink, key=key, slots=[slot], signing_key=new_identity().signing_key)
    return Sample(path, code, {}, {})


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("reports")
    files = {"a.hl7": oru(WHO), "b.xml": cda(WHO), "c.pdf": pdf("Made-up report")}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return write_with(folder / "of", [folder / name for name in files])


@pytest.fixture
def viewer(open_page: OpenPage, package: Sample) -> Page:
    page = open_page()
    page.goto(package.path.as_uri())
    unlock(page, package)
    return page


def show(page: Page, number: int) -> Locator:
    page.locator(".item.document").nth(number).click()
    pane = page.locator(".document-pane")
    expect(pane).to_be_visible()
    expect(pane.locator(".busy")).to_have_count(0)
    return pane


def test_an_oru_reads_as_a_report(viewer: Page) -> None:
    expect(viewer.locator(".item.document").first).to_contain_text("HL7")
    pane = show(viewer, 0)
    expect(pane.locator(".blocks h3")).to_have_text("CT of the thorax")
    expect(pane.locator(".block-note.strong strong")).to_have_text("Report status: preliminary.")
    expect(pane.locator(".block-facts").first).to_contain_text("Example, Anna Maria")
    assert pane.locator(".block-text").first.inner_text() == (
        "Lungs clear, no nodule.\n\nNo effusion & no <b>free air</b>."
    )
    expect(pane.locator("table th")).to_have_count(6)
    rows = pane.locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("critically high")
    expect(rows.nth(1)).to_contain_text("Called to the ward.")
    expect(pane.get_by_text("Not shown: segments ZAA.")).to_be_visible()
    expect(pane.get_by_text("It stands below this report")).to_have_count(2)
    assert pane.locator("b, script, a, img, style").count() == 0


def test_a_cda_keeps_its_order(viewer: Page) -> None:
    pane = show(viewer, 3)
    headings = pane.locator(".blocks :is(h3, h4)").all_inner_texts()
    assert headings == ["CT of the thorax, report", "Findings", "Measurements"]
    assert pane.locator("ul ul > li").all_inner_texts() == ["upper lobe", "lower lobe"]
    expect(pane.locator("table caption")).to_have_text("Sizes")
    expect(pane.get_by_text("More")).to_be_visible()
    assert pane.locator("a, [href], [style], script").count() == 0


def test_a_pdf_is_in_a_frame_of_its_own(viewer: Page) -> None:
    pane = show(viewer, 4)
    frame = pane.locator("iframe")
    expect(frame).to_have_attribute("src", "blob:null/" + (frame.get_attribute("src") or "")[10:])


def test_whether_it_is_of_the_patient_is_said(
    viewer: Page, open_page: OpenPage, tmp_path: Path
) -> None:
    expect(show(viewer, 0).locator(".document-verdict")).to_contain_text("same patient: ")
    expect(show(viewer, 4).locator(".document-warning")).to_contain_text("Check the patient: ")
    report = tmp_path / "other.hl7"
    report.write_bytes(oru(OTHER))
    with pytest.raises(EmixError):
        write_with(tmp_path / "refused", [report])


def test_an_accepted_report_says_who_let_it_pass(open_page: OpenPage, tmp_path: Path) -> None:
    report = tmp_path / "twin.hl7"
    report.write_bytes(oru(Subject("Example", "Berta", "", "19610312", "F", "")))
    sample = write_with(tmp_path / "of", [report], accept="married in May")
    page = open_page()
    page.goto(sample.path.as_uri())
    unlock(page, sample)
    warning = show(page, 0).locator(".document-warning")
    expect(warning).to_contain_text("Check the patient: ")
    expect(warning).to_contain_text("The sender let it pass: married in May")


@pytest.mark.parametrize("number", [0, 3, 4])
def test_every_original_can_be_saved(viewer: Page, package: Sample, number: int) -> None:
    pane = show(viewer, number)
    with viewer.expect_download() as download:
        pane.get_by_role("button", name="Save a copy").click()
    name = {0: "a.hl7", 3: "b.xml", 4: "c.pdf"}[number]
    original = package.path.parent.parent / name
    assert Path(download.value.path()).read_bytes() == original.read_bytes()


def test_documents_inside_a_report_stand_by_themselves(viewer: Page) -> None:
    items = viewer.locator(".item.document")
    expect(items.nth(1)).to_contain_text("Key image")
    expect(items.nth(1)).to_contain_text("in CT of the thorax")
    pane = show(viewer, 1)
    expect(pane.locator(".document-verdict")).to_contain_text("The report that holds it: Compared")
    frame = pane.locator("iframe")
    expect(frame).to_have_attribute("src", "blob:null/" + (frame.get_attribute("src") or "")[10:])
    expect(show(viewer, 2).locator(".block-text")).to_have_text("Lungs clear.")


@pytest.mark.parametrize(
    ("number", "name", "content"),
    [(1, "r0001-1.pdf", pdf("Key image")), (2, "r0001-2.rtf", b"{\\rtf1 Lungs clear.}")],
)
def test_documents_inside_a_report_are_saved_bit_for_bit(
    viewer: Page, number: int, name: str, content: bytes
) -> None:
    pane = show(viewer, number)
    with viewer.expect_download() as download:
        pane.get_by_role("button", name="Save a copy").click()
    assert download.value.suggested_filename == name
    assert Path(download.value.path()).read_bytes() == content


def test_read_by_keys_and_screen_readers(viewer: Page) -> None:
    pane = show(viewer, 0)
    expect(pane.locator("h2")).to_be_focused()
    reached: list[str] = []
    for _ in range(12):
        viewer.keyboard.press("Tab")
        reached.append(viewer.evaluate("document.activeElement.className"))
        if reached[-1] == "block-table":
            break
    assert "block-table" in reached, reached
    tree = pane.aria_snapshot()
    for line in ('heading "CT of the thorax" [level=3]', "- term: Patient", 'region "Table"',
                 'columnheader "Value"', "- strong:"):  # fmt: skip
        assert line in tree, tree


def test_a_wide_table_scrolls_by_itself(open_page: OpenPage, package: Sample) -> None:
    page = open_page(**PHONE)
    page.goto(package.path.as_uri())
    unlock(page, package)
    page.locator(".item.document").first.evaluate("button => button.click()")
    table = page.locator(".block-table")
    table.wait_for()
    wide, narrow = table.evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert wide > narrow
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]
    body = page.locator(".document-body")
    assert body.evaluate("e => e.scrollWidth <= e.clientWidth")


ACTIVE = "script, style, object, embed, a, img, svg, link, form, [onclick], [style]"
WATCH = """
window.watched = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.watched.push(event.violatedDirective + " " + event.blockedURI));
for (const name of ["alert", "confirm", "prompt", "print", "open"])
  window[name] = () => window.watched.push(name);
"""


def hostile_files(corpora: Path, folder: Path) -> list[Path]:
    """Return all attacks that are of a kind which can be sent."""
    files: list[Path] = []
    for path in sorted((corpora / "reports" / "attacks").rglob("*")):
        if not path.is_file():
            continue
        try:
            load_report(path)
            write = folder / str(len(files))
            write_with(write, [path], named=False, accept="a test")
        except EmixError:
            continue
        files.append(path)
    return files


def test_nothing_hostile_runs(open_page: OpenPage, shared_corpora: Path, tmp_path: Path) -> None:
    """All attacks of the corpus in one package, opened one after the other under watch."""
    files = hostile_files(shared_corpora, tmp_path)
    assert len(files) > 50
    sample = write_with(tmp_path / "all", files, named=False, accept="a test")
    page = open_page(allowed=r"willReadFrequently|Content Security Policy")
    left: list[str] = []

    def left_dialog(dialog: Dialog) -> None:
        left.append(f"dialog {dialog.message}")
        dialog.dismiss()

    page.context.on("page", lambda other: left.append(f"window {other.url}"))
    page.on("dialog", left_dialog)
    page.on("request", lambda request: left.append(request.url))
    page.add_init_script(WATCH)
    page.goto(sample.path.as_uri())
    unlock(page, sample)
    items = page.locator(".item.document")
    assert items.count() > len(files)  # documents inside them stand by themselves
    for number in range(items.count()):
        body = show(page, number).locator(".document-body")
        assert body.locator(ACTIVE).count() == 0, items.nth(number).inner_text()
        assert body.locator("iframe").count() <= 1
    assert page.evaluate("window.watched") == []
    own = sample.path.as_uri()
    assert [url for url in left if not url.startswith((own, "blob:", "chrome"))] == []
    urls = [frame.url for frame in page.frames]
    assert [url for url in urls if not url.startswith((own, "blob:", "chrome-", "about:"))] == []
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'x = 1'}))"
    )
    page.wait_for_function("window.watched.length === 1")  # the watch sees what does run

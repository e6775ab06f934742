"""Every image of pydicom's test files, decoded in Chromium and compared with pydicom's pixels."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from emixcli.model import Instance
from tests.e2e.conftest import OpenPage, _RangeHandler
from tests.e2e.pixels import (
    ROOT,
    VIEWER,
    Sample,
    build_probe,
    compare_all,
    existing,
    pydicom_files,
    table,
    unlock,
    write_sample,
)

DOCUMENT = ROOT / "docs" / "reference" / "decoding.md"
_FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
_ANY_LENGTH = 110_000_000


@pytest.fixture(scope="module")
def instances() -> list[Instance]:
    return existing(pydicom_files().values())


@pytest.fixture(scope="module")
def probe() -> bytes:
    return build_probe()


@pytest.fixture(scope="module")
def images(
    tmp_path_factory: pytest.TempPathFactory, instances: Sequence[Instance], probe: bytes
) -> Sample:
    path = tmp_path_factory.mktemp("pixels") / "images.emix.html"
    return write_sample(instances, path, bundle=probe)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory, probe: bytes) -> Sample:
    files = pydicom_files()
    names = ["CT_small.dcm", "examples_rgb_color.dcm", "emri_small_RLE.dcm", "693_J2KI.dcm"]
    path = tmp_path_factory.mktemp("few") / "few.emix.html"
    return write_sample(existing(files[name] for name in names), path, bundle=probe)


@pytest.fixture
def address(images: Sample) -> Iterator[str]:
    """Address of the package on a server that knows ranges."""

    def handler(*arguments: object) -> _RangeHandler:
        return _RangeHandler(*arguments, directory=str(images.path.parent))  # type: ignore[arg-type] # as given

    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{images.path.name}"
    server.shutdown()
    server.server_close()


def test_every_image_is_right_or_says_why_not(
    open_page: OpenPage, images: Sample, instances: Sequence[Instance]
) -> None:
    page = open_page()
    page.set_default_timeout(60_000)
    assert "error" not in unlock(page, images.path.as_uri(), images.code)
    rows = compare_all(page, images, instances)
    assert [row for row in rows if not row.is_right] == []
    outcome = page.evaluate("() => probe.outcome()")
    assert outcome["signature"] == "valid"
    assert page.evaluate("() => [probe.errors, probe.damage]") == [[], []]
    assert DOCUMENT.read_text("utf-8") == table(rows), "run python tools/gen_decoding.py"


def test_images_by_range_requests(
    open_page: OpenPage, images: Sample, instances: Sequence[Instance], address: str
) -> None:
    page = open_page(allowed="willReadFrequently|ERR_ABORTED")
    page.set_default_timeout(60_000)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    assert "error" not in unlock(page, address, images.code)
    first = page.evaluate("(e) => probe.frame(e, 0)", images.entries[instances[0].path])
    assert first["rows"] > 0
    # the page, the tail, the index in two, the image that is likely, the image that was asked for
    assert len([url for url in requests if url.startswith("http")]) <= 6
    rows = compare_all(page, images, instances[::6])
    assert [row for row in rows if not row.is_right] == []
    assert page.evaluate("() => probe.outcome()")["signature"] == "valid"
    assert page.evaluate("() => probe.errors") == []


def _enlarge(path: Path, target: Path, *, size: int) -> Path:
    """Copy a CT slice and let its pixel data grow to `size` bytes of many frames."""
    import pydicom

    data = pydicom.dcmread(path)
    frame = data.PixelData
    count = -(-size // len(frame))
    data.NumberOfFrames = count
    data.PixelData = frame * count
    data.save_as(target)
    return target


def test_large_file_from_disk_asks_for_itself(
    open_page: OpenPage, tmp_path: Path, probe: bytes, few: Sample
) -> None:
    files = pydicom_files()
    source = _enlarge(files["CT_small.dcm"], tmp_path / "large.dcm", size=_ANY_LENGTH)
    large = write_sample(existing([source]), tmp_path / "large.emix.html", bundle=probe)
    page = open_page(allowed="willReadFrequently|ERR_|fetch|CORS|Not allowed to load")
    page.goto(large.path.as_uri(), wait_until="commit")
    page.wait_for_function("() => globalThis.probe && probe.accept")
    page.evaluate(
        "() => { const i = document.createElement('input'); i.type = 'file'; i.id = 'choose';"
        " i.onchange = () => probe.accept(i.files[0]); document.body.append(i); }"
    )
    page.set_input_files("#choose", few.path)
    page.wait_for_function("() => probe.errors.length")
    assert page.evaluate("() => probe.errors")[0]["error"] == "package.other"
    page.set_input_files("#choose", large.path)
    assert "error" not in page.evaluate("(code) => probe.unlock(code)", large.code)
    rows = compare_all(page, large, existing([source]))
    assert [row.result for row in rows] == ["equal", "equal"]


@pytest.mark.parametrize("code", ["K7QM3-XVD9T-0", "hello"])
def test_mistyped_code_is_told_before_any_work(open_page: OpenPage, few: Sample, code: str) -> None:
    page = open_page()
    assert unlock(page, few.path.as_uri(), code)["error"] == "code.invalid"


def test_wrong_code(open_page: OpenPage, few: Sample) -> None:
    page = open_page()
    assert unlock(page, few.path.as_uri(), "K7QM3-XVD9T-H")["error"] == "code.wrong"


def test_truncated_file_shows_what_it_holds_and_says_so(
    open_page: OpenPage, few: Sample, tmp_path: Path
) -> None:
    content = few.path.read_bytes()
    cut = tmp_path / "cut.emix.html"
    cut.write_bytes(content[: content.index(b"DICOM/S0001/E0003/I00001") + 500])
    page = open_page()
    assert "error" not in unlock(page, cut.as_uri(), few.code)
    entry = next(iter(few.entries.values()))
    assert page.evaluate("(e) => probe.frame(e, 0)", entry)["rows"] == 128
    outcome = page.evaluate("() => probe.outcome()")
    assert outcome["manifest"]["error"] == "package.truncated"
    assert page.evaluate("() => probe.damage")[0]["error"] == "package.truncated"


def test_damaged_entry_is_refused(open_page: OpenPage, few: Sample, tmp_path: Path) -> None:
    content = bytearray(few.path.read_bytes())
    at = content.index(b"DICOM/S0001/E0001/I00001") + 2000
    content[at] = ord("a") if content[at] != ord("a") else ord("b")
    changed = tmp_path / "changed.emix.html"
    changed.write_bytes(content)
    page = open_page()
    assert "error" not in unlock(page, changed.as_uri(), few.code)
    answer = page.evaluate("(e) => probe.frame(e, 0)", "DICOM/S0001/E0001/I00001")
    assert answer["error"] == "package.damaged"


@pytest.mark.skipif(
    _FIREFOX is None, reason="Firefox is not installed: apt-get install firefox-esr"
)
def test_firefox_from_disk(few: Sample) -> None:
    command = ["node", "test/firefox.mjs", str(_FIREFOX), few.path.as_uri(), few.code]
    done = subprocess.run(
        command, cwd=VIEWER, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["128x128", "320x240", "64x64", "512x512"]

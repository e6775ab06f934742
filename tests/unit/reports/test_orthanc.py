"""A real PACS takes the objects of `emix unpack --reports-as dicom`, and gives them back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.builders import hl7, pdf, study
from tests.running import ROOT, Result
from tests.unit.reports.test_report_forms import CDA

SHARED = Path(os.environ.get("EMIX_SHARED", ROOT.parent / "shared"))
SCRIPT = SHARED / "tools" / "orthanc.sh"
PROGRAMS = ("Orthanc", "storescu", "nsenter", "unshare", "curl", "dcm2pdf")

Emix = Callable[..., Result]


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Callable[..., bytes]]:
    """Start Orthanc in a network of its own; what is returned runs a program there."""
    if not SCRIPT.exists():
        pytest.skip("the script that starts Orthanc is not there: set EMIX_SHARED")
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing or os.geteuid():
        pytest.skip(f"needs root and {', '.join(missing) or 'nothing else'}")
    folder = tmp_path / "orthanc"
    started = subprocess.run(["bash", SCRIPT, "start", folder], capture_output=True, check=False)
    if started.returncode:
        pytest.skip("Orthanc does not start here")
    pid = (folder / "orthanc.pid").read_text().strip()

    def run(*command: str | Path) -> bytes:
        whole = ["nsenter", "-t", pid, "-n", *map(str, command)]
        return subprocess.run(whole, capture_output=True, check=True).stdout

    yield run
    subprocess.run(["bash", SCRIPT, "stop", folder], capture_output=True, check=True)


def test_orthanc_gives_the_pdf_back_bit_for_bit(
    emix_here: Emix, tmp_path: Path, orthanc: Callable[..., bytes]
) -> None:
    image, *_ = study(tmp_path / "disc", series=1, number=1)
    letter = pdf("a letter") + b"\n"
    (tmp_path / "a.pdf").write_bytes(letter)
    (tmp_path / "b.hl7").write_bytes(hl7())
    (tmp_path / "c.xml").write_bytes(CDA)
    package, code = tmp_path / "a.emix.html", tmp_path / "code"
    emix_here("pack", tmp_path / "disc", "--report", tmp_path / "a.pdf", "--report",
              tmp_path / "b.hl7", "--report", tmp_path / "c.xml", "-o", package, "--code-out",
              code)  # fmt: skip
    for folder, form in (("objects", "dicom"), ("drawn", "pdf")):
        done = emix_here("unpack", package, "-o", tmp_path / folder, "--code-file", code,
                         "--reports-as", form)  # fmt: skip
        assert done.code == 0, done.stderr
    objects = sorted((tmp_path / "objects" / "REPORTS").iterdir())
    orthanc("storescu", "-R", "-aet", "EMIXCLI", "-aec", "EMIXORTH", "127.0.0.1", "14242", image,
            *objects)  # fmt: skip
    rest = "http://127.0.0.1:18042"
    studies = json.loads(orthanc("curl", "-fsS", f"{rest}/studies"))
    assert len(studies) == 1  # images and reports are one study
    instances = json.loads(orthanc("curl", "-fsS", f"{rest}/studies/{studies[0]}/instances"))
    ids = {one["MainDicomTags"].get("InstanceNumber"): one["ID"] for one in instances}
    found = {
        orthanc("curl", "-fsS", f"{rest}/instances/{ids[number]}/pdf") for number in ("101", "201")
    }
    drawn = tmp_path / "drawn" / "REPORTS" / "R0002_1.PDF"
    assert found == {letter, drawn.read_bytes()}
    document = orthanc("curl", "-fsS", f"{rest}/instances/{ids['301']}/content/0042-0011")
    assert document.rstrip(b"\0") == CDA
    subprocess.run(["dcm2pdf", objects[0], tmp_path / "back.pdf"], check=True)
    assert (tmp_path / "back.pdf").read_bytes() == letter

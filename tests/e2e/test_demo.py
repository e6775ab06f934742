"""`emix demo`: from a made-up CD to an image in a physician's browser."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from emixcli import cli
from emixcli.demo.cd import SampleCd
from emixcli.errors import PackageDamagedError
from emixcli.server.settings import CONFIG_NAME, format_settings, load_settings
from emixcli.services.demo import Demo, Sent, compare
from tests.e2e.conftest import OpenPage
from tests.e2e.packages import canvas_pixels, expected, wait_shown

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Running:
    """A demo whose package has been sent."""

    demo: Demo
    cd: SampleCd
    sent: Sent

    @property
    def code(self) -> str:
        return self.sent.code_file.read_text("ascii").strip()


class _Hurried(Demo):
    """A demo whose exchange does not let 20 s pass between two mail codes."""

    def run(self, *arguments: str | Path, home: str = "home") -> dict[str, Any]:
        document = super().run(*arguments, home=home)
        if arguments[:2] == ("exchange", "init"):
            data = Path(arguments[2])
            settings = load_settings(data)
            limits = replace(settings.limits, otp_interval_s=0)
            text = format_settings(replace(settings, limits=limits))
            (data / CONFIG_NAME).write_text(text, encoding="utf-8")
        return document


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with _Hurried(tmp_path_factory.mktemp("demo")) as demo:
        cd = demo.make_cd()
        demo.start_exchange()
        yield Running(demo, cd, demo.send())


@pytest.fixture(scope="module")
def received(running: Running) -> Path:
    return running.demo.receive(running.sent, running.cd).folder


def open_as_recipient(page: Page, running: Running) -> None:
    """Go from the link in the mail to the viewer."""
    link = running.demo.wait_for_mail(lambda mail: mail.link == running.sent.link).link
    n_before = sum(bool(mail.code) for mail in running.demo.mails())
    page.goto(link)
    page.get_by_role("button", name="Send me a code by mail").click()
    deadline = time.monotonic() + 20
    codes: list[str] = []
    while len(codes) <= n_before and time.monotonic() < deadline:
        page.wait_for_timeout(100)
        codes = [mail.code for mail in running.demo.mails() if mail.code]
    page.locator(".otp-input").fill(codes[-1])
    field = page.locator(".code-input:not(.otp-input)")
    field.fill(running.code)
    field.press("Enter")
    page.locator(".viewport[data-shown]").wait_for()


def test_every_byte_comes_back(running: Running, received: Path) -> None:
    compare(received, running.cd)
    victim = next(path for path in received.rglob("DICOM/**/*") if path.is_file())
    content = victim.read_bytes()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        with pytest.raises(PackageDamagedError):
            compare(received, running.cd)
    finally:
        victim.write_bytes(content)


@pytest.mark.browser
def test_a_recipient_goes_from_the_mail_to_the_image(
    running: Running, received: Path, open_page: OpenPage
) -> None:
    page = open_page(viewport={"width": 1400, "height": 1000})
    open_as_recipient(page, running)
    expect(page.locator("#app")).to_contain_text("DEMO, ANNA")
    page.locator(".item.set", has=page.get_by_text("Thorax 2.5 mm, venous phase")).click()
    page.keyboard.press("Home")
    wait_shown(page, 0)
    page.get_by_text("1:1", exact=True).first.click()
    page.wait_for_timeout(300)
    slices = sorted(path for path in received.rglob("DICOM/**/*") if path.is_file())
    wanted = next(expected(path, 0) for path in slices if _is_first_ct(path))
    got = canvas_pixels(page, 512, 512)
    # Corner texts lie over the canvas, not on it: every pixel counts.
    assert np.abs(got.astype(int) - wanted).max() <= 1


def _is_first_ct(path: Path) -> bool:
    import pydicom

    image = pydicom.dcmread(path, stop_before_pixels=True)
    return bool(image.Modality == "CT" and image.InstanceNumber == 1)


def test_the_exchange_knows_nothing_of_the_patient(running: Running, received: Path) -> None:
    assert received.is_dir()
    words = [b"DEMO^ANNA", b"DEMO-0001", b"DEMO-CT-1", running.code.encode()]
    for path in (running.demo.folder / "exchange").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(word in content for word in words), path.name


def test_once_ends_by_itself_and_leaves_nothing(tmp_path: Path) -> None:
    done = run_demo(tmp_path, "--once", "--json")
    document = json.loads(done.stdout)
    assert document["schema"] == "emix.demo/1"
    assert document["received"] == {"instances": 212, "documents": 1, "identical": True}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_ctrl_c_ends_the_exchange_and_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "emixcli", "demo"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    text = "".join(lines)
    assert "/r/" in text
    assert "access code" in text
    assert "the exchange has ended" in told
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_folder_that_is_not_empty_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    assert cli.run(["demo", "--once", "--dir", str(tmp_path)]) == 41
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_without_the_server_part_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "fastapi" else find(name)
    )
    assert cli.run(["demo", "--once"]) == 2
    assert "pip install 'emixcli[server]'" in capsys.readouterr().err


def environment(folder: Path) -> dict[str, str]:
    (folder / "tmp").mkdir()
    return {**os.environ, "TMPDIR": str(folder / "tmp"), "EMIX_HOME": str(folder / "home")}


def run_demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "emixcli", "demo", *arguments],
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )

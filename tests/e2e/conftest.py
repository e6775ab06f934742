"""Chromium, pages that fail on any console error, and packages to open in them."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.e2e.packages import Sample, make_sample

DESKTOP = {"width": 1280, "height": 720}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
_CHROMIUM = os.environ.get("EMIX_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(_CHROMIUM).exists():
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Make pages; a console error, a CSP violation or an exception in any of them fails the test.

    `allowed` is a pattern of messages that the test provokes, such as an answer of 403.
    """
    contexts = []
    bad: list[str] = []

    def make(*, allowed: str = r"willReadFrequently", **options: Any) -> Page:
        context = browser.new_context(**({"viewport": DESKTOP} | options))
        contexts.append(context)
        page = context.new_page()

        def console(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"} and not re.search(allowed, message.text):
                bad.append(message.text)

        page.on("console", console)
        page.on("pageerror", lambda error: bad.append(str(error)))
        page.set_default_timeout(20_000)
        return page

    yield make
    for context in contexts:
        context.close()
    assert bad == []


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """A package with every kind of thing that a reader meets."""
    return make_sample(tmp_path_factory.mktemp("sample"))


class _RangeHandler(SimpleHTTPRequestHandler):
    """Serves one folder, with the ranges of RFC 9110 section 14."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        size = path.stat().st_size
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        first, last = 0, size - 1
        if asked:
            if asked[1]:
                first, last = int(asked[1]), min(int(asked[2] or last), last)
            else:
                first = max(0, size - int(asked[2]))
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", "text/html; charset=windows-1252")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        with path.open("rb") as file:
            file.seek(first)
            try:
                self.wfile.write(file.read(last - first + 1))
            except ConnectionError:
                return  # the page stops its own loading on purpose

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture(scope="session")
def web_of() -> Iterator[Callable[[Path], str]]:
    """Serve folders; give the address of one."""
    servers = []

    def serve(folder: Path) -> str:
        def handler(*arguments: Any) -> _RangeHandler:
            return _RangeHandler(*arguments, directory=str(folder))

        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def web(sample: Sample, web_of: Callable[[Path], str]) -> str:
    """Address of the folder of the sample package."""
    return web_of(sample.path.parent)

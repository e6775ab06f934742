"""What every test gets: a home of its own, no network but loopback, and ways to run emix."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.running import ROOT, EmixProcess, Result, run_here

_LOOPBACK = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "::", "", None}


def _refuse_network(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host not in _LOOPBACK and not host.startswith("127."):
        raise RuntimeError("a test tried to reach the network")


def pytest_configure() -> None:
    # A busy machine is slow, and that is no failure.
    hypothesis.settings.register_profile("emix", deadline=None)
    hypothesis.settings.load_profile("emix")
    sys.addaudithook(_refuse_network)
    # A shell without job control starts what is in the background with Ctrl-C ignored.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def emix_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty EMIX_HOME, no other EMIX_* settings, no keyring of the person who runs the tests."""
    home = tmp_path_factory.mktemp("emix-home")
    for name in list(os.environ):
        if name.startswith("EMIX_") and name != "EMIX_SHARED":
            monkeypatch.delenv(name)
    monkeypatch.setenv("EMIX_HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return home


@pytest.fixture
def run_emix(tmp_path: Path) -> EmixProcess:
    """`run_emix("scan", folder, "--json")` as a real process in `tmp_path`."""
    return EmixProcess(tmp_path)


@pytest.fixture
def emix_here() -> Callable[..., Result]:
    """`emix_here("scan", folder, "--json")` in this process."""
    return run_here


@pytest.fixture(scope="session")
def shared_corpora() -> Path:
    """The folder of DICOM corpora beside the repository; the test is skipped where it is absent."""
    shared = Path(os.environ.get("EMIX_SHARED", ROOT.parent / "shared"))
    corpora = shared / "corpora"
    if not corpora.is_dir():
        pytest.skip("the optional corpora are not there: set EMIX_SHARED or put ../shared")
    return corpora

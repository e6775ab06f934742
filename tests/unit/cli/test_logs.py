"""The log: our own words, the kind of everybody else's, and nothing of a patient."""

from __future__ import annotations

import logging
import stat
import sys
import warnings
from collections.abc import Iterator

import pytest

from emixcli import logs
from tests.running import EmixProcess

SECRET = "CANARY^SURNAME"


@pytest.fixture
def log() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers, show = root.level, list(root.handlers), warnings.showwarning
    logs.start()
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    warnings.showwarning = show


def content() -> str:
    return logs.log_path().read_text("utf-8") if logs.log_path().exists() else ""


@pytest.mark.usefixtures("log")
def test_the_text_of_libraries_is_dropped() -> None:
    logging.getLogger("emixcli.media").info("read %d files", 3)
    logging.getLogger("pydicom").warning("Invalid value for VR DA: %r", SECRET)
    logging.getLogger("emixclient").error(SECRET)
    text = content()
    assert "read 3 files" in text
    assert "WARNING pydicom: test_logs:" in text
    assert SECRET not in text
    assert logs.run_id() in text


@pytest.mark.usefixtures("log")
def test_the_text_of_warnings_is_dropped() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = logs._log_warning
        warnings.warn(f"Invalid value {SECRET}", UserWarning, stacklevel=1)
    assert "UserWarning at " in content()
    assert SECRET not in content()


@pytest.mark.usefixtures("log")
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_only_the_owner_reads_it() -> None:
    logging.getLogger("emixcli").info("hello")
    assert stat.S_IMODE(logs.log_path().stat().st_mode) == 0o600


def test_it_does_not_grow_for_ever() -> None:
    path = logs.log_path()
    path.parent.mkdir(parents=True)
    for number in range(5):
        path.write_text(str(number) * 1_000_001)
        logs.write_traceback(ValueError(SECRET))
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == ["emix.log", "emix.log.1", "emix.log.2", "emix.log.3"]
    assert path.with_suffix(".log.3").read_text()[0] == "2"


def test_a_log_that_cannot_be_written_ends_nothing(run_emix: EmixProcess) -> None:
    logs.log_path().parent.write_text("a file where the folder should be")
    assert logs.write_traceback(ValueError()) is None
    assert run_emix("version").code == 0


def test_a_run_is_logged_without_its_arguments(run_emix: EmixProcess) -> None:
    run_emix("config", "set", "sender_name", SECRET)
    assert "emix config ended with 0" in content()
    assert SECRET not in content()


def test_verbose_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    ours = logging.getLogger("emixcli")
    handlers, level = list(ours.handlers), ours.level
    try:
        logs.set_verbosity(1)
        ours.info("step one")
        ours.debug("detail")
    finally:
        ours.handlers[:] = handlers
        ours.setLevel(level)
    assert capsys.readouterr().err == "emix: step one\n"

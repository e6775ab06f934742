"""The own key file: made once, for its owner only, on every file system."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from emixcli import config
from emixcli.container.identity import FILE_NAME, load_identity
from emixcli.errors import OutputError


@pytest.fixture
def no_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse hard links as FAT does."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a new home, with the folder of the keys."""
    monkeypatch.setenv("EMIX_HOME", str(tmp_path / "home"))
    folder = config.keys_dir()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.usefixtures("no_hard_links")
def test_keys_are_made_without_hard_links(home: Path) -> None:
    made = load_identity()
    assert load_identity(create=False).fingerprint() == made.fingerprint()
    assert os.listdir(home) == [FILE_NAME]  # noqa: PTH208 - names only
    if os.name == "posix":
        assert (home / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_the_quicker_process_wins_without_hard_links(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_identity()
    content = (home / FILE_NAME).read_bytes()
    (home / FILE_NAME).unlink()

    def lose_the_race(*_: object, **__: object) -> None:
        (home / FILE_NAME).write_bytes(content)
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", lose_the_race)
    assert load_identity().fingerprint() == first.fingerprint()
    assert (home / FILE_NAME).read_bytes() == content
    assert os.listdir(home) == [FILE_NAME]  # noqa: PTH208 - names only


@pytest.mark.usefixtures("no_hard_links")
def test_a_failed_write_leaves_no_key_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError):
        load_identity()
    assert os.listdir(home) == []  # noqa: PTH208 - names only

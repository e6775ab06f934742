"""Keys in the keyring, key files of others, and the table that leads back."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import keyring
import pydicom
import pytest

from emixcli.errors import EmixError
from emixcli.services import reidentification
from tests import builders
from tests.memory_keyring import MemoryKeyring
from tests.running import run_here

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMIX_HOME", str(tmp_path / "home"))


@pytest.fixture
def memory() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    folder = tmp_path / "disc"
    folder.mkdir()
    for number in (1, 2, 3):
        builders.write(builders.instance(number=number), folder / f"IM{number}")
    return folder


def _bytes(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("I0*"))]


# -- keys -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("memory")
def test_a_key_in_the_keyring_does_what_its_file_does(disc: Path, tmp_path: Path) -> None:
    assert run_here("pseudonyms", "new", "trial-7").code == 0
    assert run_here("pseudonyms", "list").stdout == "trial-7\n"
    key = tmp_path / "key"
    assert run_here("pseudonyms", "export", "trial-7", "-o", key).code == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    one, two = tmp_path / "one", tmp_path / "two"
    assert run_here("anonymize", disc, "-o", one, "--key", "trial-7").code == 0
    assert run_here("anonymize", disc, "-o", two, "--key-file", key).code == 0
    assert _bytes(one) == _bytes(two)
    assert run_here("pseudonyms", "import", "again", key).code == 0
    assert run_here("pseudonyms", "list", "--json").document["keys"] == ["again", "trial-7"]


def test_a_key_is_never_replaced_and_removed_by_name_only(memory: MemoryKeyring) -> None:
    assert run_here("pseudonyms", "new", "trial-7").code == 0
    kept = dict(memory.kept)
    assert run_here("pseudonyms", "new", "trial-7").code == 41
    assert memory.kept == kept
    assert run_here("pseudonyms", "remove", "trial-7").code == 5
    assert memory.kept == kept
    assert run_here("pseudonyms", "remove", "trial-7", "--yes").code == 0
    assert not memory.kept
    assert run_here("pseudonyms", "list").stdout == ""


@pytest.mark.usefixtures("memory")
def test_a_key_that_is_not_there_is_not_made_silently(disc: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run_here("anonymize", disc, "-o", out, "--key", "none").code == 2
    assert run_here("anonymize", disc, "-o", out, "--key", "a b").code == 2
    assert not out.exists()


def test_without_a_keyring_nothing_is_kept() -> None:
    result = run_here("pseudonyms", "new", "trial-7")
    assert result.code == 2
    assert "keyring" in result.stderr
    assert run_here("pseudonyms", "list").stdout == ""


def test_a_key_file_that_others_read_is_refused(disc: Path, tmp_path: Path) -> None:
    key, out = tmp_path / "key", tmp_path / "out"
    assert run_here("anonymize", "--new-key", key).code == 0
    key.chmod(0o640)
    result = run_here("anonymize", disc, "-o", out, "--key-file", key)
    assert (result.code, out.exists()) == ((2, False) if os.name == "posix" else (0, True))


# -- the table ------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_passphrase", [False, True])
def test_the_table_leads_back(disc: Path, tmp_path: Path, *, with_passphrase: bool) -> None:
    table, out, secret = tmp_path / "table", tmp_path / "out", tmp_path / "passphrase"
    secret.write_text(PASSPHRASE + "\n")
    locked = ("--table-passphrase-file", secret) if with_passphrase else ()
    opened = ("--passphrase-file", secret) if with_passphrase else ()
    dates = "--retain-modified-dates"
    result = run_here("anonymize", disc, "-o", out, "--table", table, dates, *locked, "--json")
    assert result.code == 0, result.stderr
    assert result.document["table"] == str(table)
    assert stat.S_IMODE(table.stat().st_mode) == 0o600
    shown = run_here("pseudonyms", "table", table, *opened, "--json")
    assert shown.code == 0, shown.stderr
    back = {row["new"]: row for row in shown.document["rows"]}
    old = {(ds := pydicom.dcmread(path)).SOPInstanceUID: ds for path in disc.iterdir()}
    for path in out.rglob("I0*"):
        new = pydicom.dcmread(path)
        was = old.pop(back[new.SOPInstanceUID]["old"])
        assert back[new.SeriesInstanceUID]["old"] == was.SeriesInstanceUID
        assert back[new.StudyInstanceUID]["old"] == was.StudyInstanceUID
        patient = back[new.PatientID]
        assert (patient["kind"], patient["old"]) == ("patient", was.PatientID)
        assert patient["shift_days"] < 0
    assert not old
    one = run_here("pseudonyms", "table", table, *opened, "--find", was.SOPInstanceUID).stdout
    kinds = [line.split("\t")[0] for line in one.splitlines()]
    assert kinds == ["kind", "patient", "study", "series", "instance"]
    none = run_here("pseudonyms", "table", table, *opened, "--find", "1.2.3.4")
    assert (none.code, none.stdout) == (2, "")
    assert "no such value" in none.stderr


def test_the_table_is_never_plain_and_opens_for_nobody_else(
    disc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, secret = tmp_path / "table", tmp_path / "passphrase"
    result = run_here("anonymize", disc, "-o", tmp_path / "out", "--table", table)
    assert result.code == 0, result.stderr
    content = table.read_bytes()
    for value in builders.CANARY.strings():
        assert value.encode() not in content
    secret.write_text(PASSPHRASE)
    monkeypatch.setenv("EMIX_HOME", str(tmp_path / "another"))
    for options in ((), ("--passphrase-file", secret)):
        result = run_here("pseudonyms", "table", table, *options)
        assert (result.code, result.stdout) == (81, "")


@pytest.mark.usefixtures("memory")
def test_a_package_is_made_with_the_same_key_and_table(disc: Path, tmp_path: Path) -> None:
    assert run_here("pseudonyms", "new", "trial-7").code == 0
    out, table, code = tmp_path / "out", tmp_path / "table", tmp_path / "code"
    assert run_here("anonymize", disc, "-o", out, "--key", "trial-7").code == 0
    package = ("pack", disc, "-o", tmp_path / "p.emix.html", "--anonymize", "--code-out", code)
    result = run_here(*package, "--key", "trial-7", "--table", table, "--json")
    assert result.code == 0, result.stderr
    assert result.document["table"] == str(table)
    back = {
        row["new"]: row for row in run_here("pseudonyms", "table", table, "--json").document["rows"]
    }
    for path in out.rglob("I0*"):
        new = pydicom.dcmread(path)
        assert back[new.SOPInstanceUID]["kind"] == "instance"
        assert back[new.PatientID]["kind"] == "patient"


def test_a_new_key_is_used_at_once(disc: Path, tmp_path: Path) -> None:
    key, code = tmp_path / "key", tmp_path / "code"
    package = ("pack", disc, "--anonymize", "--new-key", key, "--code-out", code)
    dry = run_here(*package, "-o", tmp_path / "p.emix.html", "--dry-run")
    assert (dry.code, key.exists()) == (0, False)
    result = run_here(*package, "-o", tmp_path / "p.emix.html", "--json")
    assert result.code == 0, result.stderr
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert run_here(*package, "-o", tmp_path / "q.emix.html").code == 41
    one, two, other = tmp_path / "one", tmp_path / "two", tmp_path / "other"
    assert run_here("anonymize", disc, "-o", one, "--new-key", other).code == 0
    assert run_here("anonymize", disc, "-o", two, "--key-file", other).code == 0
    assert _bytes(one) == _bytes(two)


@pytest.mark.parametrize(
    "options",
    [
        ("--key", "x"), ("--table", "t"), ("--new-key", "k"), ("--key-file", "k"),
        ("--anonymize", "--key", "x", "--key-file", "k"),
        ("--anonymize", "--key", "x", "--new-key", "k"),
        ("--anonymize", "--table-passphrase-file", "p"),
        ("--anonymize", "--table", "t", "--new-key", "t"),
    ],
)  # fmt: skip
def test_keys_that_cannot_be_meant(disc: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    result = run_here("pack", disc, "-o", tmp_path / "p.emix.html", *options)
    assert result.code == 2, result.stderr
    assert not (tmp_path / "p.emix.html").exists()


def test_a_table_is_not_left_behind_by_a_package_that_failed(disc: Path, tmp_path: Path) -> None:
    table, package = tmp_path / "table", tmp_path / "p.emix.html"
    (tmp_path / "weak").write_text("weak\n")
    pack = ("pack", disc, "--anonymize", "--code-out", tmp_path / "code", "--table", table)
    weak = ("--table-passphrase-file", tmp_path / "weak")
    assert run_here(*pack, "-o", package, *weak).code == 82
    assert not table.exists()
    (tmp_path / "none").mkdir()
    assert run_here(*pack, "-o", tmp_path / "none").code == 41
    assert not table.exists()


def test_a_table_does_not_go_out_with_the_images(disc: Path, tmp_path: Path) -> None:
    out, secret = tmp_path / "out", tmp_path / "weak"
    secret.write_text("weak\n")
    for table, code in ((out / "table", 2), (disc / "table", 40)):
        assert run_here("anonymize", disc, "-o", out, "--table", table).code == code
    options = ("--table", tmp_path / "table", "--table-passphrase-file", secret)
    assert run_here("anonymize", disc, "-o", out, *options).code == 82
    assert run_here("anonymize", disc, "-o", out, *options[2:]).code == 2
    assert run_here("anonymize", disc, "--dry-run", "--table", tmp_path / "table").code == 0
    assert not out.exists()
    assert not (tmp_path / "table").exists()
    assert len(list(disc.iterdir())) == 3


def test_a_damaged_table_is_an_error(tmp_path: Path) -> None:
    link = reidentification.Link("ANON-1", "4711", None, "1.2", "1.3", "1.4", "1.5", "1.6", "1.7")
    path, bad = tmp_path / "table", tmp_path / "bad"
    reidentification.write_table(path, [link], reidentification.make_lock(PASSPHRASE))
    assert len(reidentification.read_table(path, PASSPHRASE)) == 4
    content = path.read_bytes()
    ends = [content[:at] for at in range(0, len(content), 61)]
    turned = [
        content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        for at in range(0, len(content), 47)
    ]
    for data in (b"{}\n", b"[]\n", b"\xff\n", *ends, *turned):
        bad.write_bytes(data)
        with pytest.raises(EmixError):
            reidentification.read_table(bad, PASSPHRASE)

"""The commands of packages as a user calls them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from emixcli.progress import ProgressListener
from emixcli.services import pack as pack_service
from tests.running import Result, run_here
from tests.unit.package.building import BUNDLE, dicom

VIEWER = "emixcli.package.load_bundle"


@pytest.fixture(autouse=True)
def _placeholder_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(VIEWER, lambda: BUNDLE)
    monkeypatch.setenv("EMIX_HOME", str(tmp_path / "home"))


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    folder = tmp_path / "disc"
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"IM{number}").write_bytes(dicom(number=number))
    (folder / "report.pdf").write_bytes(b"%PDF-1.4 made up")
    return folder


@pytest.fixture
def packed(disc: Path, tmp_path: Path) -> tuple[Path, Path]:
    path, code = tmp_path / "ct.emix.html", tmp_path / "code"
    result = run_here("pack", disc, "-o", path, "--code-out", code, "--json")
    assert result.code == 0, result.stderr
    return path, code


def test_pack_tells_what_it_made_but_not_the_code(disc: Path, tmp_path: Path) -> None:
    path, code_path = tmp_path / "ct.emix.html", tmp_path / "code"
    result = run_here("pack", disc, "-o", path, "--code-out", code_path, "--json")
    document = result.document
    assert document["schema"] == "emix.pack/1"
    assert document["size"] == path.stat().st_size
    assert document["counts"]["instances"] == 3
    assert document["counts"]["documents"] == 1
    assert document["losses"] == []
    assert document["slots"] == ["code", "hpke"]
    code = code_path.read_text().strip()
    assert code not in result.stdout + result.stderr
    assert stat.S_IMODE(code_path.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.partial"))


def test_inspect_tells_that_a_package_is_cut(packed: tuple[Path, Path]) -> None:
    path, _ = packed
    size = path.stat().st_size
    assert run_here("inspect", path).stderr == ""
    with path.open("r+b") as file:
        file.truncate(size - 1)
    told = run_here("inspect", path)
    assert told.code == 0
    assert f"the file is cut short: {size - 1} of {size} bytes" in told.stderr
    document = run_here("inspect", path, "--json").document
    assert (document["size"], document["file_size"]) == (size, size - 1)
    with path.open("ab") as file:
        file.write(b"more")
    assert "the file was changed" in run_here("inspect", path).stderr


def test_a_generated_code_is_shown_once_on_standard_error(disc: Path, tmp_path: Path) -> None:
    path = tmp_path / "ct.emix.html"
    result = run_here("pack", disc, "-o", path)
    assert result.code == 0
    assert result.stdout.strip() == str(path)
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("access code:")]
    code = tmp_path / "typed"
    code.write_text(line.partition(": ")[2].lower().replace("-", " "))
    assert run_here("verify", path, "--code-file", code).code == 0
    assert line.partition(": ")[2].encode() not in path.read_bytes()


def test_json_without_a_place_for_the_code_is_refused(disc: Path, tmp_path: Path) -> None:
    result = run_here("pack", disc, "-o", tmp_path / "x.emix.html", "--json")
    assert result.code == 2
    assert not (tmp_path / "x.emix.html").exists()


def test_verify_inspect_unpack(packed: tuple[Path, Path], disc: Path, tmp_path: Path) -> None:
    path, code = packed
    verified = run_here("verify", path, "--code-file", code, "--json").document
    assert verified["verified"] is True
    assert verified["entries"] == 9
    bare = run_here("inspect", path, "--json")
    assert bare.document["slots"][0] == {"kind": "code", "v": 1}
    assert "TEST" not in bare.stdout
    whole = run_here("inspect", path, "--json", "--code-file", code).document
    assert whole["patients"][0]["name"] == "TEST^VECTOR"
    assert whole["patients"][0]["studies"][0]["series"][0]["instances"] == 3
    assert "password" not in whole
    assert len(run_here("inspect", path, "--password").stdout.strip()) == 43
    out = tmp_path / "out"
    unpacked = run_here("unpack", path, "-o", out, "--code-file", code, "--json").document
    assert unpacked["files"] == 9
    for number in (1, 2, 3):
        found = out / "DICOM" / "S0001" / "E0001" / f"I{number:05}"
        assert found.read_bytes() == (disc / f"IM{number}").read_bytes()
    assert (out / "REPORTS" / "R0001.PDF").read_bytes() == (disc / "report.pdf").read_bytes()
    assert json.loads((out / "EMIX" / "MANIFEST.JSN").read_text())["format"] == "emix/1"
    assert run_here("inspect", path, "--code-file", code).code == 0
    assert run_here("unpack", path, "-o", tmp_path / "again").code == 0, "by the own key"


def test_nothing_is_overwritten(packed: tuple[Path, Path], disc: Path, tmp_path: Path) -> None:
    path, code = packed
    before = path.read_bytes()
    assert run_here("pack", disc, "-o", path, "--code-file", code).code == 41
    fresh = tmp_path / "new.emix.html"
    assert run_here("pack", disc, "-o", fresh, "--code-out", code).code == 41
    assert run_here("unpack", path, "-o", disc, "--code-file", code).code == 41
    assert path.read_bytes() == before
    assert not fresh.exists()
    assert run_here("pack", disc, "-o", tmp_path / "no" / "p", "--code-file", code).code == 40
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run_here("unpack", path, "-o", empty, "--code-file", code).code == 0


def test_wrong_codes_and_damage(packed: tuple[Path, Path], tmp_path: Path) -> None:
    path, code = packed
    other = tmp_path / "other"
    other.write_text("0000000000" + "0\n")
    assert run_here("verify", path, "--code-file", other).code == 81
    other.write_text("00000-00000-1\n")
    result = run_here("verify", path, "--code-file", other, "--json")
    assert (result.code, result.error["id"]) == (82, "key.passphrase")
    damaged = tmp_path / "damaged.emix.html"
    damaged.write_bytes(path.read_bytes()[:-300])
    assert run_here("unpack", damaged, "-o", tmp_path / "o", "--code-file", code).code == 83
    assert not (tmp_path / "o").exists()
    content = bytearray(path.read_bytes())
    content[content.index(b"S0001/E0001/I00002") + 80] ^= 1
    damaged.write_bytes(content)
    result = run_here("verify", damaged, "--code-file", code)
    assert result.code == 83
    assert "DICOM/S0001/E0001/I00002" in result.stderr
    assert run_here("unpack", damaged, "-o", tmp_path / "o", "--code-file", code).code == 83
    assert not list(tmp_path.glob("o.*"))
    future = path.read_bytes().replace(b'"emix/1"', b'"emix/7"', 1)
    damaged.write_bytes(future)
    assert run_here("inspect", damaged).code == 84
    assert run_here("inspect", tmp_path / "missing").code == 20
    assert run_here("inspect", code).code == 83


def test_own_passphrase(disc: Path, tmp_path: Path) -> None:
    secret, path = tmp_path / "secret", tmp_path / "p.emix.html"
    secret.write_text("short\n")
    assert run_here("pack", disc, "-o", path, "--code-file", secret).code == 82
    secret.write_text("four unrelated größe words\n")
    result = run_here("pack", disc, "-o", path, "--code-file", secret, "--json")
    assert result.document["slots"] == ["passphrase", "hpke"]
    assert run_here("verify", path, "--code-file", secret).code == 0
    assert run_here("pack", disc, "-o", path, "--passphrase", "--code-file", secret).code == 2
    assert run_here("pack", disc, "-o", tmp_path / "q", "--passphrase", "--no-input").code == 5


def test_several_patients_need_a_choice(disc: Path, tmp_path: Path) -> None:
    other = (
        dicom(number=9, series="2.25.99").replace(b"V-1 ", b"V-2 ").replace(b"2.25.20", b"2.25.21")
    )
    (disc / "IM9").write_bytes(other.replace(b"TEST^VECTOR", b"OTHR^VECTOR"))
    path, code = tmp_path / "p.emix.html", tmp_path / "code"
    assert run_here("pack", disc, "-o", path, "--code-out", code).code == 25
    assert not path.exists()
    result = run_here("pack", disc, "-o", path, "--code-out", code, "--patient", "V-1", "--json")
    assert result.document["counts"]["patients"] == 1
    assert result.document["reports_left_out"] == 1
    everybody = tmp_path / "all.emix.html"
    result = run_here(
        "pack", disc, "-o", everybody, "--code-file", code, "--all-patients", "--json"
    )
    assert result.document["counts"]["patients"] == 2


def test_dry_run_writes_nothing(disc: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.emix.html"
    result = run_here("pack", disc, "-o", path, "--dry-run", "--json")
    assert result.document["size_bound"] > 0
    assert run_here("pack", disc, "-o", path, "--dry-run").code == 0
    assert not path.exists()


def test_a_recipient_opens_by_key(
    disc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = str(tmp_path / "home"), str(tmp_path / "there")
    key, path = tmp_path / "key.json", tmp_path / "p.emix.html"
    monkeypatch.setenv("EMIX_HOME", there)
    assert run_here("keys", "export", "-o", key).code == 0
    theirs = run_here("keys", "show", "--json").document
    assert (
        run_here("keys", "show", "--file", key).stdout.replace(" ", "").strip()
        == (theirs["fingerprint"])
    )
    assert "ML-KEM-768" in theirs["algorithms"]
    private = Path(there, "keys", "identity.json")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    monkeypatch.setenv("EMIX_HOME", here)
    code = tmp_path / "code"
    packed = run_here("pack", disc, "-o", path, "--recipient", key, "--code-out", code, "--json")
    assert packed.document["slots"] == ["code", "hpke", "hpke"]
    monkeypatch.setenv("EMIX_HOME", there)
    assert run_here("verify", path, "--no-input").code == 0
    monkeypatch.setenv("EMIX_HOME", str(tmp_path / "nobody"))
    assert run_here("verify", path, "--no-input").code == 5
    bad = json.loads(key.read_text())
    bad["x25519"] = bad["ed25519"]
    key.write_text(json.dumps(bad))
    for recipient in (key, path, tmp_path / "none"):
        assert run_here("pack", disc, "-o", tmp_path / "q", "--recipient", recipient).code == 81


def test_view_checks_first(packed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def open_url(url: str) -> bool:
        opened.append(url)
        return False

    monkeypatch.setattr("webbrowser.open", open_url)
    path, code = packed
    assert run_here("view", path).stdout.strip() == str(path)
    assert opened == [path.as_uri()]
    assert run_here("view", path, "--json").document["opened"] is False
    assert run_here("view", code).code == 83


def test_a_lost_file_makes_it_partial(
    disc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file vanishes between scan and packing."""
    prepare = pack_service.prepare

    def prepare_and_remove(
        request: pack_service.PackRequest, *, package_id: str, progress: ProgressListener
    ) -> pack_service.Prepared:
        prepared = prepare(request, package_id=package_id, progress=progress)
        (disc / "IM2").unlink()
        return prepared

    monkeypatch.setattr(pack_service, "prepare", prepare_and_remove)
    path, code = tmp_path / "p.emix.html", tmp_path / "code"
    result: Result = run_here("pack", disc, "-o", path, "--code-out", code, "--json")
    assert result.code == 3
    (loss,) = result.document["losses"]
    assert loss["instances"][0]["instance_number"] == 2
    assert run_here("verify", path, "--code-file", code, "--json").document["losses"] == [loss]
    unpacked = run_here("unpack", path, "-o", tmp_path / "o", "--code-file", code, "--json")
    assert unpacked.document["counts"]["lost"] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_full_disk_leaves_nothing(disc: Path, tmp_path: Path) -> None:
    import subprocess

    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no tmpfs here")
    try:
        code = tmp_path / "code"
        result = run_here("pack", disc, "-o", small / "p.emix.html", "--code-out", code)
        assert result.code == 42
        assert list(small.iterdir()) == []
        assert not code.exists()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_what_never_was_a_package_is_said_to_be_none(disc: Path, tmp_path: Path) -> None:
    image = next(path for path in disc.rglob("*") if path.is_file())
    (tmp_path / "empty").touch()
    for file in (image, tmp_path / "empty"):
        found = run_here("verify", file, "--json")
        assert found.code == 83
        assert found.error["message"] == "this is no emix package"
        assert "emix pack" in found.error["hint"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_planted_link_is_not_followed(disc: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "p.emix.html.partial").symlink_to(precious)
    made = run_here("pack", disc, "-o", tmp_path / "p.emix.html", "--code-out", tmp_path / "c")
    assert made.code == 0, made.stderr
    assert precious.read_text() == "precious"


def test_what_would_surprise_is_warned_of(disc: Path, tmp_path: Path) -> None:
    pack = ("pack", disc, "--code-out", tmp_path / "c")
    made = run_here(*pack, "-o", tmp_path / "ct.zip")
    assert made.code == 0, made.stderr
    assert "emix config set sender_name" in made.stderr
    assert "ends in .html" in made.stderr
    assert run_here("config", "set", "organisation", "Hospital").code == 0
    again = run_here("pack", disc, "--code-out", tmp_path / "d", "-o", tmp_path / "b.emix.html")
    assert "warning" not in again.stderr

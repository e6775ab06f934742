"""The own keys move to another machine, under a passphrase only."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emixcli.container.identity import load_identity
from emixcli.errors import EmixError
from emixcli.services.keys import export_keys, read_export
from tests import builders
from tests.running import EmixProcess

PASSPHRASE = "seven tall lamps hum"


@pytest.fixture
def other(tmp_path: Path) -> Mapping[str, str]:
    """The environment of another machine."""
    return {"EMIX_HOME": str(tmp_path / "other-home")}


@pytest.fixture
def exported(run_emix: EmixProcess, tmp_path: Path) -> Path:
    assert run_emix("keys", "show").code == 0
    (tmp_path / "words").write_text(PASSPHRASE + "\n")
    done = run_emix("keys", "export", "--private", "-o", "keys.json", "--passphrase-file", "words")
    assert done.code == 0, done.stderr
    return tmp_path / "keys.json"


def test_a_package_opens_on_the_machine_the_keys_moved_to(
    run_emix: EmixProcess, exported: Path, other: Mapping[str, str], tmp_path: Path
) -> None:
    builders.study(tmp_path / "disc")
    packed = run_emix("pack", "disc", "-o", "p.emix.html", "--code-out", "code")
    assert packed.code == 0, packed.stderr
    assert run_emix("verify", "p.emix.html", "--no-input", env=other).code == 5
    moved = run_emix("keys", "import", exported, "--passphrase-file", "words", "--json", env=other)
    assert moved.code == 0, moved.stderr
    assert moved.document["already"] is False
    assert (
        moved.document["fingerprint"] == run_emix("keys", "show", "--json").document["fingerprint"]
    )
    assert run_emix("verify", "p.emix.html", env=other).code == 0
    again = run_emix("keys", "import", exported, "--passphrase-file", "words", "--json", env=other)
    assert again.document["already"] is True
    if os.name == "posix":
        kept = Path(other["EMIX_HOME"], "keys", "identity.json")
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE(exported.stat().st_mode) == 0o600


def test_other_keys_are_replaced_on_demand_only_and_kept(
    run_emix: EmixProcess, exported: Path, other: Mapping[str, str]
) -> None:
    before = run_emix("keys", "show", "--json", env=other).document["fingerprint"]
    folder = Path(other["EMIX_HOME"], "keys")
    old = (folder / "identity.json").read_bytes()
    take = ("keys", "import", exported, "--passphrase-file", "words")
    assert run_emix(*take, env=other).code == 41
    assert run_emix(*take, "--replace", env=other).code == 5
    assert run_emix("keys", "show", "--json", env=other).document["fingerprint"] == before
    done = run_emix(*take, "--replace", "--yes", "--json", env=other)
    assert done.code == 0, done.stderr
    assert Path(done.document["kept"]).read_bytes() == old
    assert run_emix("keys", "show", "--json", env=other).document["fingerprint"] != before


def test_what_goes_wrong(
    run_emix: EmixProcess, exported: Path, other: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("eight tall lamps hum")
    (tmp_path / "weak").write_text("lamp")
    (tmp_path / "nothing").write_text("")
    export = ("keys", "export", "--private", "-o")
    take = ("keys", "import", "--passphrase-file", "words")
    assert run_emix("keys", "export", "--private").code == 2
    assert run_emix("keys", "export", "--passphrase-file", "words").code == 2
    assert run_emix(*export, "keys.json", "--passphrase-file", "words").code == 41
    assert run_emix(*export, "more.json", "--passphrase-file", "weak").code == 82
    assert run_emix(*export, "more.json", "--passphrase-file", "nothing").code == 2
    assert run_emix(*export, "more.json").code == 5
    assert run_emix(*export, "no/more.json", "--passphrase-file", "words").code == 40
    assert not (tmp_path / "more.json").exists()
    assert run_emix(*export, "more.json", "--passphrase-file", "words", env=other).code == 81
    assert run_emix(*take[:2], exported, "--passphrase-file", "wrong", env=other).code == 82
    assert run_emix(*take, "absent.json", env=other).code == 81
    assert run_emix(*take, "words", env=other).code == 81
    assert not Path(other["EMIX_HOME"], "keys").exists()


def test_a_changed_file_is_refused(exported: Path) -> None:
    document = json.loads(exported.read_text())
    for name, value in {"fingerprint": "0" * 40, "keys": "AAAA", "nonce": 7, "slot": []}.items():
        exported.write_text(json.dumps(document | {name: value}))
        with pytest.raises(EmixError):
            read_export(exported, PASSPHRASE)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "keys.json"


@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=50).map(str.encode)))
def test_any_bytes_raise_our_errors_only(content: bytes, scratch: Path) -> None:
    scratch.write_bytes(content)
    with pytest.raises(EmixError):
        read_export(scratch, PASSPHRASE)


def test_the_export_holds_no_key_in_the_clear() -> None:
    identity = load_identity()
    private = json.loads(identity.to_json())
    text = export_keys(PASSPHRASE).decode()
    assert not [name for name in ("ed25519", "x25519", "mlkem768") if private[name] in text]


def test_threads_that_make_the_first_keys_get_the_same() -> None:
    n = 12
    barrier = threading.Barrier(n)

    def first() -> str:
        barrier.wait()
        return load_identity().fingerprint()

    with ThreadPoolExecutor(n) as pool:
        found = {future.result() for future in [pool.submit(first) for _ in range(n)]}
    assert found == {load_identity(create=False).fingerprint()}

"""Cut lines, errors of the exchange, and an exchange that forgets."""

from __future__ import annotations

from pathlib import Path

from emixcli.container.encoding import new_package_id
from tests.running import EmixProcess
from tests.unit.exchange.faulty_proxy import Fault, http_answer
from tests.unit.services.exchange_process import ExchangeProcess
from tests.unit.services.test_crash import send_arguments


def test_cuts_in_the_middle_of_parts(
    run_emix: EmixProcess, logged_in: ExchangeProcess, large_disc: Path, tmp_path: Path, token: str
) -> None:
    # After the account's question every second connection is cut while a part goes up.
    logged_in.proxy.faults.extend([Fault(), *[Fault(cut_up=3_000_000), Fault()] * 4])
    logged_in.proxy.faults.append(Fault(answer=http_answer(500)))
    done = run_emix(*send_arguments(large_disc, "cuts", tmp_path))
    assert done.code == 0, done.stderr
    assert len(logged_in.stored(done.document["package_id"], token)) == done.document["size"]


def test_cuts_while_downloading(
    run_emix: EmixProcess, logged_in: ExchangeProcess, large_disc: Path, tmp_path: Path, token: str
) -> None:
    done = run_emix(*send_arguments(large_disc, "cuts-down", tmp_path))
    logged_in.proxy.faults.extend([Fault(), *[Fault(cut_down=2_500_000)] * 6])
    got = run_emix("download", done.document["package_id"], "-o", "in", "--json")
    assert got.code == 0, got.stderr
    stored = logged_in.stored(done.document["package_id"], token)
    assert Path(tmp_path / got.document["file"]).read_bytes() == stored


def test_errors_for_good_have_their_codes(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    arguments = send_arguments(small_disc, "down", tmp_path)
    nobody = {"EMIX_EXCHANGE_URL": "http://127.0.0.1:9"}
    assert run_emix(*arguments, env=nobody).code == 60
    logged_in.proxy.faults.extend([Fault(answer=http_answer(500))] * 8)
    assert run_emix(*arguments).code == 63
    logged_in.proxy.faults.clear()
    logged_in.proxy.faults.extend([Fault(hang=True)] * 8)
    assert run_emix(*arguments, "--timeout", "0.3").code == 62
    logged_in.proxy.faults.clear()
    assert run_emix(*arguments, env={"EMIX_TOKEN": "nope"}).code == 4
    assert run_emix("status", new_package_id()).code == 64
    assert run_emix("list", env={"EMIX_EXCHANGE_URL": "http://192.0.2.1"}).code == 2
    garbage = http_answer(200, b"<html>captive portal</html>")
    logged_in.proxy.faults.extend([Fault(answer=garbage)] * 8)
    assert run_emix("list").code == 63
    assert not list(tmp_path.glob("*.code*"))


def test_exchange_that_forgot_the_package(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    arguments = ["send", str(small_disc), "--to", "forgot@clinic.example", "--to",
                 "unknown@clinic.example", "--purpose", "treatment", "--yes", "--code-out",
                 str(tmp_path / "code"), "--confirm-to", "forgot@clinic.example"]  # fmt: skip
    begun = run_emix(*arguments, "--json")
    assert begun.code == 3, begun.stderr
    first = begun.document["package_id"]
    assert run_emix("revoke", first, "--yes").code == 0
    done = run_emix(*arguments, "--confirm-to", "unknown@clinic.example")
    assert done.code == 0, done.stderr
    assert "starting anew" in done.stderr
    assert f"package {first}" not in done.stderr


def test_damaged_download_leaves_nothing(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    done = run_emix(*send_arguments(small_disc, "damaged", tmp_path))
    size = done.document["size"]
    # Packages of other tests may have the same size: nothing in the store says which file is whose.
    files = [path for path in logged_in.data.rglob("*") if path.is_file()]
    originals = {path: path.read_bytes() for path in files if path.stat().st_size == size}
    assert originals
    for path, original in originals.items():
        path.chmod(0o600)
        path.write_bytes(original[: size // 2] + b"\0" * 64 + original[size // 2 + 64 :])
    got = run_emix("download", done.document["package_id"], "-o", "in", "--json")
    for path, original in originals.items():
        path.write_bytes(original)
    assert got.code in {63, 83}, got.stderr
    assert not list((tmp_path / "in").glob("*"))

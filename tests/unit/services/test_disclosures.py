"""`emix disclosures`: an accounting by patient at an exchange that knows no patient."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emixcli.errors import PackageDamagedError
from emixcli.services import accounting as service
from emixcli.services.accounting import AccountingKey, description
from tests import builders
from tests.builders import Canary
from tests.running import EmixProcess
from tests.unit.exchange.faulty_proxy import FaultyProxy
from tests.unit.services.exchange_process import EMAIL, PASSWORD, ExchangeProcess

PASSPHRASE = "seven purple elephants dance at dusk"


@pytest.fixture(scope="module")
def accounting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeProcess]:
    """An exchange of its own: an accounting, once begun, concerns everybody there."""
    with FaultyProxy() as proxy:
        process = ExchangeProcess(tmp_path_factory.mktemp("accounting"), proxy)
        process.start()
        yield process
        process.stop()


def token_of(exchange: ExchangeProcess, email: str) -> dict[str, str]:
    return {"EMIX_TOKEN": exchange.client().login(email, PASSWORD).token}


TO = ("--to", "law@court.example", "--confirm-to", "law@court.example", "--purpose", "legal")
WITH_PASS = ("--passphrase-file", "pass")
PHI = Canary(name="ACCOUNT^CANARY", id="MRN-ACCOUNT-4711")


def begin(
    run_emix: EmixProcess, folder: Path, sender: dict[str, str], admin: dict[str, str]
) -> str:
    """Begin the accounting and export its key to `org.key`; its fingerprint."""
    (folder / "pass").write_text(PASSPHRASE)
    assert run_emix("disclosures", PHI.id, env=admin).code == 2
    assert run_emix("disclosures", "--new-key", env=sender).code == 65
    begun = run_emix("disclosures", "--new-key", "--json", env=admin)
    assert begun.code == 0, begun.stderr
    assert run_emix("disclosures", "--new-key", env=admin).code == 2
    assert run_emix("disclosures", "--export-key", "org.key", *WITH_PASS, env=admin).code == 0
    return str(begun.document["key"])


def fetch(run_emix: EmixProcess, exchange: ExchangeProcess, folder: Path, link: str) -> None:
    """Open a share as its recipient does."""
    before = exchange.n_mails()
    assert run_emix("download", link, "-o", "got", "--request-code").code == 0
    (folder / "mail").write_text(exchange.mail_code("law@court.example", after=before))
    codes = ("--mail-code-file", "mail", "--code-file", "code")
    got = run_emix("download", link, "-o", "got", *codes, "--json")
    assert got.code == 0, got.stderr


def test_an_accounting_by_patient(
    accounting: ExchangeProcess,
    run_emix: EmixProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EMIX_EXCHANGE_URL", accounting.url)
    sender, admin = token_of(accounting, EMAIL), token_of(accounting, "it@hospital.example")
    builders.study(tmp_path / "disc", series=1, instances=2, phi=PHI)
    key = begin(run_emix, tmp_path, sender, admin)
    send = ("send", "disc", *TO, "--hold", "0", "--yes", "--code-out", "code", "--json")

    elsewhere = {**sender, "EMIX_HOME": str(tmp_path / "elsewhere")}
    before = len(run_emix("list", "--json", env=sender).document["packages"])
    refused = run_emix(*send, env=elsewhere)
    assert refused.code == 2
    assert "--import-key" in refused.error["hint"]
    assert len(run_emix("list", "--json", env=sender).document["packages"]) == before
    assert run_emix("disclosures", "--import-key", "org.key", *WITH_PASS, env=elsewhere).code == 0
    sent = run_emix(*send, env=elsewhere)
    assert sent.code == 0, sent.stderr
    assert run_emix("disclosures", PHI.id, "--json", env=admin).document["disclosures"] == []
    fetch(run_emix, accounting, tmp_path, sent.document["shares"][0]["link"])

    asked = run_emix("disclosures", "-", "--json", stdin=PHI.id + "\n", env=admin)
    (line,) = asked.document["disclosures"]
    assert [line[name] for name in ("recipient", "purpose", "must_list")] == [
        "law@court.example", "legal", True,
    ]  # fmt: skip
    assert line["description"].endswith("2 images")
    assert run_emix("disclosures", "another", "--json", env=admin).document["disclosures"] == []
    assert run_emix("disclosures", PHI.id, env=sender).code == 65
    everything = b"".join(p.read_bytes() for p in accounting.folder.rglob("*") if p.is_file())
    assert PHI.id.encode() not in everything
    assert key.encode() in everything

    # What was packed first and uploaded later is in it as well.
    run_emix("pack", "disc", "-o", "ct.emix.html", "--code-out", "pack-code", env=admin)
    uploaded = run_emix("upload", "ct.emix.html", "--json", env=admin)
    assert uploaded.code == 0, uploaded.stderr
    share = ("share", uploaded.document["package_id"], *TO, "--code-out", "share-code", "--yes")
    assert run_emix(*share, env=admin).code == 0


def test_a_ref_says_nothing_without_the_key() -> None:
    one, other = AccountingKey(bytes(32)), AccountingKey(bytes(31) + b"\1")
    assert one.ref(" 4711 ") == one.ref("4711") != other.ref("4711")
    sealed = one.seal(one.ref("4711"), {"what": "CT"})
    assert one.open(one.ref("4711"), sealed) == {"what": "CT"}
    for key, patient in ((one, "4712"), (other, "4711")):
        with pytest.raises(PackageDamagedError):
            key.open(key.ref(patient), sealed)


def test_a_description_is_brief() -> None:
    text = description(
        modalities={"CT", "MR", ""}, dates={"20260317", "20260301", ""}, n_images=210, n_reports=1
    )
    assert text == "CT, MR of 2026-03-01, 2026-03-17; 210 images, 1 report"
    assert description(modalities=(), dates=(), n_images=1, n_reports=0) == "images; 1 image"


def test_patients_with_one_number_are_all_accounted() -> None:
    key = service.new_key()
    found = service._account_for(
        key,
        [
            service._Described("7", "A", "CT; 1 image"),
            service._Described(" 7", "B", "MR; 2 images"),
            service._Described("8\udcff", "", "US; 1 image"),
        ],
    )
    assert len(found) == 2
    assert key.open(found[0].ref, found[0].sealed) == {
        "what": "CT; 1 image + MR; 2 images", "issuer": "A, B",
    }  # fmt: skip

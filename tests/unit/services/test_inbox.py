"""Recipients with keys: published, trusted after a telephone call, and no access code any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emixcli.container.identity import new_identity
from emixcli.exchange.http import HttpExchange
from emixcli.exchange.inbox import publish_key
from tests.running import EmixProcess, Result
from tests.unit.server.api import wait_for
from tests.unit.services.exchange_process import PASSWORD, ExchangeProcess

OWNER = "it@hospital.example"
Emix = Callable[..., Result]


@pytest.fixture
def owner(exchange: ExchangeProcess, run_emix: EmixProcess, tmp_path: Path) -> Iterator[Emix]:
    """`emix` on the machine of the recipient, who has an account and keys."""
    token = exchange.client().login(OWNER, PASSWORD).token
    env = {"EMIX_EXCHANGE_URL": exchange.url, "EMIX_TOKEN": token}
    env["EMIX_HOME"] = str(tmp_path / "owner-home")

    def run(*arguments: str | Path) -> Result:
        return run_emix(*arguments, env=env)

    yield run
    run("keys", "publish", "--withdraw")


@pytest.fixture
def fingerprint(owner: Emix) -> str:
    """The keys of the recipient are published."""
    published = owner("keys", "publish", "--json")
    assert published.code == 0, published.stderr
    return str(published.document["fingerprint"])


def send(run_emix: EmixProcess, disc: Path, *more: str) -> Result:
    return run_emix(
        "send", disc, "--to", OWNER, "--purpose", "treatment", "--hold", "0", "--yes", "--again",
        "--json", "--code-out", "codes", *more,
    )  # fmt: skip


def test_sealed_for_a_trusted_key_and_taken_from_the_inbox(
    run_emix: EmixProcess,
    logged_in: ExchangeProcess,
    owner: Emix,
    fingerprint: str,
    small_disc: Path,
    tmp_path: Path,
) -> None:
    # Published alone is not trusted: an access code as ever.
    coded = send(run_emix, small_disc, "--confirm-to", OWNER)
    assert coded.code == 0, coded.stderr
    assert coded.document["shares"][0]["by_key"] is False
    assert (tmp_path / "codes").exists()
    (tmp_path / "codes").unlink()

    wrong = run_emix("keys", "trust", OWNER, "--fingerprint", "ab" * 20, "--json")
    assert (wrong.code, wrong.error["id"]) == (69, "recipient.unconfirmed")
    spoken = " ".join(fingerprint[n : n + 4].upper() for n in range(0, 40, 4))
    assert run_emix("keys", "trust", OWNER, "--fingerprint", spoken).code == 0
    listed = run_emix("keys", "list", "--json").document["keys"]
    assert listed == [{"address": OWNER, "fingerprint": fingerprint}]

    sent = send(run_emix, small_disc, "--max-downloads", "2", "--expires", "12h", "--urgent")
    assert sent.code == 0, sent.stderr
    (share,) = sent.document["shares"]
    assert (share["by_key"], share["link"], share["max_opens"]) == (True, None, 2)
    assert not (tmp_path / "codes").exists()
    wait_for(lambda: owner("inbox", "--json").document["packages"])
    (item,) = owner("inbox", "--json").document["packages"]
    assert (item["share_id"], item["urgent"]) == (share["share_id"], True)
    assert share["share_id"] in owner("inbox").stdout

    got = owner("download", share["share_id"], "-o", "got", "--unpack", "--json")
    assert got.code == 0, got.stderr
    originals = {path.read_bytes() for path in small_disc.rglob("IM*")}
    folder = tmp_path / "got" / sent.document["package_id"] / "DICOM"
    assert {p.read_bytes() for p in folder.rglob("*") if p.is_file()} == originals
    # The copy opens with the key of its recipient alone.
    package = got.document["file"]
    assert owner("verify", package).code == 0
    assert run_emix("verify", package, "--json", env={"EMIX_HOME": str(tmp_path / "x")}).code != 0
    again = owner("download", sent.document["package_id"], "-o", "got2", "--json")
    assert again.code == 0, again.stderr
    used_up = owner("download", share["share_id"], "-o", "got3", "--json")
    assert (used_up.code, used_up.error["id"]) == (66, "exchange.gone")
    assert owner("download", "0" * 26, "-o", "got4").code == 64
    assert logged_in.n_mails() > 0


def package_ids(run_emix: EmixProcess) -> list[str]:
    return [one["package_id"] for one in run_emix("list", "--json").document["packages"]]


def test_a_changed_key_stops_the_send(
    run_emix: EmixProcess,
    logged_in: ExchangeProcess,
    owner: Emix,
    fingerprint: str,
    small_disc: Path,
) -> None:
    assert run_emix("keys", "trust", OWNER, "--yes", "--json").document["trusted"] == fingerprint
    assert run_emix("keys", "trust", OWNER, "--yes").code == 0
    client = logged_in.client()
    token = client.login(OWNER, PASSWORD).token
    other = new_identity().public
    publish_key(HttpExchange(client.transport, token=token), other.to_json().decode())
    before = package_ids(run_emix)
    refused = send(run_emix, small_disc)
    assert (refused.code, refused.error["id"]) == (69, "recipient.unconfirmed")
    assert "not the one that you trust" in refused.error["message"]
    changed = run_emix("keys", "trust", OWNER, "--yes", "--json")
    assert changed.code == 69
    assert fingerprint[:4] in changed.error["message"]
    assert owner("keys", "publish", "--withdraw").code == 0
    gone = send(run_emix, small_disc)
    assert "taken back" in gone.error["message"]
    assert package_ids(run_emix) == before
    assert run_emix("keys", "trust", OWNER, "--yes").code == 64
    owner("keys", "publish")
    assert run_emix("keys", "trust", OWNER, "--yes").code == 0
    assert run_emix("keys", "trust", OWNER, "--remove").code == 0
    assert run_emix("keys", "trust", OWNER, "--remove").code == 64
    assert run_emix("keys", "list", "--json").document["keys"] == []


def test_with_other_keys_than_it_was_sealed_for(
    run_emix: EmixProcess,
    logged_in: ExchangeProcess,
    owner: Emix,
    fingerprint: str,
    small_disc: Path,
    tmp_path: Path,
) -> None:
    del logged_in
    assert run_emix("keys", "trust", OWNER, "--fingerprint", fingerprint).code == 0
    sent = send(run_emix, small_disc)
    assert sent.code == 0, sent.stderr
    share_id = sent.document["shares"][0]["share_id"]
    found = wait_for(lambda: owner("inbox", "--json").document["packages"])
    assert share_id in {one["share_id"] for one in found}
    (tmp_path / "owner-home").rename(tmp_path / "elsewhere")
    owner("keys", "show")
    refused = owner("download", share_id, "-o", "got", "--json")
    assert (refused.code, refused.error["id"]) == (81, "key.no_match")
    assert "other keys" in refused.error["message"]


@pytest.mark.parametrize("life", ["0d", "31d", "721h", "soon", "-1", "1.5d"])
def test_lives_that_cannot_be(run_emix: EmixProcess, small_disc: Path, life: str) -> None:
    done = send(run_emix, small_disc, f"--expires={life}")
    assert (done.code, done.error["id"]) == (2, "usage")

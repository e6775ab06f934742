"""What commands ask, answered by a person at a real terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emixcli.container.code import generate_code
from tests import builders
from tests.running import EmixProcess, Result
from tests.terminal import CTRL_C, CTRL_D, play
from tests.unit.services.exchange_process import EMAIL, PASSWORD, ExchangeProcess

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")

#: A command with its arguments, then what is typed: (end of the question, answer).
Ask = Callable[..., Result]
WORDS = "nine words that nobody else would ever say aloud"
GO_ON, ADDRESS, SECRET = "[y/N] ", "type the address again: ", "password: "


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    def run(*arguments: str | Path, answers: tuple[tuple[str, str], ...] = ()) -> Result:
        return play("-m", "emixcli", *arguments, answers=answers, cwd=tmp_path)

    return run


def n_shares(emix: EmixProcess) -> int:
    found = emix("list", "--json").document["packages"]
    return sum(len(package["shares"]) for package in found)


def test_login(ask: Ask, run_emix: EmixProcess, exchange: ExchangeProcess) -> None:
    login = ("login", exchange.url, "--store", "file")
    wrong = ask(*login, answers=(("mail address: ", EMAIL), (SECRET, "nonsense")))
    assert wrong.code == 4, wrong.stderr
    stopped = ask(*login, "--email", EMAIL, answers=((SECRET, CTRL_C),))
    assert stopped.code == 130
    ended = ask(*login, answers=(("mail address: ", CTRL_D),))
    assert ended.code == 5
    refused = ask(*login, "--email", EMAIL, "--no-input")
    assert refused.code == 5
    assert "--password-file" in refused.stderr
    assert run_emix("whoami").code == 2  # no exchange is known yet
    right = ask(*login, answers=(("mail address: ", EMAIL), (SECRET, PASSWORD)))
    assert right.code == 0, right.stderr
    assert PASSWORD not in right.stderr
    assert run_emix("whoami", "--json").document["email"] == EMAIL


def test_send(
    ask: Ask, run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path
) -> None:
    address = "asked@clinic.example"
    send = ("send", small_disc, "--to", address, "--purpose", "treatment")
    before = n_shares(run_emix)
    declined = ask(*send, answers=((GO_ON, "n"),))
    assert declined.code == 5
    name = builders.CANARY.name
    assert f"send {name} (1 study, " in declined.stderr
    assert f" to {address}? [y/N]" in declined.stderr
    plan = declined.stderr.partition("send ")[0]
    assert all(text in plan for text in (name, builders.CANARY.id, "born ", " series, "))
    stopped = ask(*send, answers=((GO_ON, CTRL_C),))
    assert stopped.code == 130
    assert "the same command goes on where it stopped" in stopped.stderr
    silent = run_emix(*send, "--no-input")
    assert silent.code == 5
    assert name not in silent.stderr, "no terminal: it may end in a log"
    other = ask(*send, answers=((GO_ON, "y"), (ADDRESS, "asked@clinc.example")))
    assert other.code == 69
    assert "nothing was sent" in other.stderr
    assert ask(*send, answers=((GO_ON, "y"), (ADDRESS, CTRL_C))).code == 130
    assert ask(*send, answers=((GO_ON, "y"), (ADDRESS, CTRL_D))).code == 5
    unconfirmed = ask(*send, "--yes", "--no-input")
    assert unconfirmed.code == 69
    assert "--confirm-to" in unconfirmed.stderr
    assert n_shares(run_emix) == before
    sent = ask(*send, answers=((GO_ON, "y"), (ADDRESS, address.upper())))
    assert sent.code == 0, sent.stderr
    code = re.search(rf"access code for {address}: ([0-9A-Z-]{{13}})", sent.stderr)
    assert code is not None
    assert sent.stdout.startswith(logged_in.url)
    assert n_shares(run_emix) == before + 1


def test_share_and_revoke(
    ask: Ask, run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path
) -> None:
    assert run_emix("pack", small_disc, "-o", "p.emix.html", "--code-out", "code").code == 0
    package_id = run_emix("upload", "p.emix.html", "--json").document["package_id"]
    share = ("share", package_id, "--to", "more@clinic.example", "--purpose", "legal")
    assert ask(*share, answers=((GO_ON, ""),)).code == 5
    mistyped = ask(*share, answers=((GO_ON, "y"), (ADDRESS, "more@clinic.exampel")))
    assert mistyped.code == 69
    shared = ask(*share, answers=((GO_ON, "y"), (ADDRESS, "more@clinic.example")))
    assert shared.code == 0, shared.stderr
    share_id = run_emix("status", package_id, "--json").document["shares"][0]["share_id"]
    end = f"type {share_id[-4:]} to go on: "
    assert ask("revoke", share_id, answers=((end, "yes"),)).code == 5
    assert ask("revoke", share_id, answers=((end, CTRL_C),)).code == 130
    assert ask("revoke", share_id, "--no-input").code == 5
    state = run_emix("status", package_id, "--json").document["shares"][0]["state"]
    assert state in {"held", "notified"}
    assert ask("revoke", share_id, answers=((end, share_id[-4:].lower()),)).code == 0
    state = run_emix("status", package_id, "--json").document["shares"][0]["state"]
    assert state == "revoked"


def test_download(
    ask: Ask, run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    address = "reader@clinic.example"
    sent = run_emix(
        "send", small_disc, "--to", address, "--confirm-to", address, "--hold", "0", "--purpose",
        "treatment", "--yes", "--json", "--code-out", "code",
    )  # fmt: skip
    code = (tmp_path / "code").read_text().strip()
    get = ("download", sent.document["shares"][0]["link"], "-o", "in")
    mail, access = "code from the mail: ", "access code: "
    assert ask(*get, "--no-input").code == 5
    assert ask(*get, answers=((mail, CTRL_C),)).code == 130
    assert run_emix(*get, "--request-code").code == 0
    mail_code = logged_in.mail_code(address)
    wrong_mail_code = f"{(int(mail_code) + 1) % 10 ** len(mail_code):0{len(mail_code)}}"
    (tmp_path / "mail").write_text(mail_code)
    by_file = (*get, "--mail-code-file", "mail")
    alone = run_emix(*by_file)
    assert alone.code == 5, "no mail code is spent where nobody can type the access code"
    assert run_emix(*by_file[:-1], "absent", "--code-file", "code").code == 2
    assert not list((tmp_path / "in").glob("*"))
    (tmp_path / "wrong").write_text(wrong_mail_code)
    wrong = run_emix(*by_file[:-1], "wrong", "--code-file", "code")
    assert wrong.code == 65
    assert "4 tries are left" in wrong.stderr
    other = generate_code()
    got = ask(
        *by_file, answers=((access, code[:-1]), (access, other), (access, f" {code.lower()} "))
    )
    assert got.code == 0, got.stderr
    assert "mistyped" in got.stderr
    assert "the access code is wrong: 4 tries are left" in got.stderr
    assert code not in got.stderr + got.stdout
    assert [path.suffix for path in (tmp_path / "in").iterdir()] == [".html"]
    (package,) = (tmp_path / "in").iterdir()
    there = run_emix("download", package.name.partition(".")[0], "-o", "in", "--unpack")
    assert there.code == 41
    assert f"emix unpack {package.name} -o " in there.stderr
    used = run_emix(*by_file, "--code-file", "code")
    assert used.code == 65
    assert "this mail code was used" in used.stderr
    assert "--request-code" in used.stderr


def test_a_mistyped_mail_code_is_asked_for_again(
    ask: Ask, run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path
) -> None:
    address = "typist@clinic.example"
    sent = run_emix(
        "send", small_disc, "--to", address, "--confirm-to", address, "--hold", "0", "--purpose",
        "treatment", "--yes", "--json", "--code-out", "code",
    )  # fmt: skip
    mail, access = "code from the mail: ", "access code: "
    get = ("download", sent.document["shares"][0]["link"], "-o", "in")
    found = ask(*get, answers=((mail, "nonsense"), (mail, "again"), (mail, CTRL_C)))
    assert found.code == 130
    assert "4 tries are left" in found.stderr
    assert "3 tries are left" in found.stderr
    assert access not in found.stderr


def test_passphrases(ask: Ask, run_emix: EmixProcess, tmp_path: Path) -> None:
    builders.study(tmp_path / "disc")
    words, first, second = "four unrelated words here", "passphrase: ", "passphrase (again): "
    pack = ("pack", "disc", "-o", "p.emix.html", "--passphrase")
    assert ask(*pack, answers=((first, words), (second, words + "!"))).code == 2
    assert ask(*pack, answers=((first, "short"), (second, "short"))).code == 82
    assert ask(*pack, answers=((first, words), (second, CTRL_C))).code == 130
    assert ask(*pack, "--no-input").code == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disc"]
    assert ask(*pack, answers=((first, words), (second, words))).code == 0
    elsewhere = {"EMIX_HOME": str(tmp_path / "elsewhere")}
    verify = ("-m", "emixcli", "verify", "p.emix.html")
    wrong = play(*verify, answers=(("access code: ", "x"),), cwd=tmp_path, env=elsewhere)
    assert wrong.code == 81
    right = play(*verify, answers=(("access code: ", words),), cwd=tmp_path, env=elsewhere)
    assert right.code == 0, right.stderr
    export = ("keys", "export", "--private", "-o", "keys.json")
    assert ask(*export, answers=((first, words), (second, "another"))).code == 2
    assert not (tmp_path / "keys.json").exists()
    assert ask(*export, answers=((first, words), (second, words))).code == 0
    take = ("-m", "emixcli", "keys", "import", "keys.json")
    assert play(*take, answers=((first, words),), cwd=tmp_path, env=elsewhere).code == 0
    assert run_emix("verify", "p.emix.html", env=elsewhere).code == 0


def test_passphrase_of_a_table(ask: Ask, run_emix: EmixProcess, tmp_path: Path) -> None:
    builders.write(builders.instance(), tmp_path / "disc" / "IM1")
    (tmp_path / "secret").write_text(WORDS)
    made = run_emix(
        *("anonymize", "disc", "-o", "out", "--table", "t"), "--table-passphrase-file", "secret"
    )
    assert made.code == 0, made.stderr
    shown = ask("pseudonyms", "table", "t", answers=(("passphrase of the table: ", WORDS),))
    assert builders.CANARY.id in shown.stdout
    assert ask("pseudonyms", "table", "t", "--no-input").code == 82


def test_password_of_a_new_exchange(ask: Ask, tmp_path: Path) -> None:
    init = ("exchange", "init", "data", "--email", "it@hospital.example")
    first, second = "password (empty: make one): ", "password (empty: make one) (again): "
    assert ask(*init, answers=((first, PASSWORD), (second, "other"))).code == 2
    assert ask(*init, answers=((first, CTRL_C),)).code == 130
    assert ask(*init, answers=((first, "short"), (second, "short"))).code == 2
    assert not (tmp_path / "data").exists()
    made = ask(*init, "--json", answers=((first, PASSWORD), (second, PASSWORD)))
    assert made.code == 0, made.stderr
    assert json.loads(made.stdout)["administrator"] == "it@hospital.example"
    assert PASSWORD not in made.stdout + made.stderr

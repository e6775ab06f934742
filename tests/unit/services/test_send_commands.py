"""The commands from sender to recipient, as a user types them, against a real exchange."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from emixcli import credentials
from emixcli.services.journal import journals_dir
from tests import builders
from tests.running import EmixProcess
from tests.unit.services.exchange_process import EMAIL, ExchangeProcess

Arguments = tuple[str | Path, ...]
SEND = ("--purpose", "treatment", "--yes", "--json")


def to(name: str) -> tuple[str, ...]:
    """A recipient of this test's own, confirmed."""
    return ("--to", f"{name}@clinic.example", "--confirm-to", f"{name}@clinic.example")


def test_whole_way(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    code_file = tmp_path / "code"
    sent = run_emix("send", small_disc, *to("whole"), *SEND, "--hold", "0", "--code-out", code_file)
    assert sent.code == 0, sent.stderr
    code = code_file.read_text().strip()
    assert stat.S_IMODE(code_file.stat().st_mode) == 0o600
    assert code not in sent.stdout + sent.stderr
    share = sent.document["shares"][0]
    package_id = sent.document["package_id"]
    assert sent.document["schema"] == "emix.send/1"
    assert share["recipient"] == "whole@clinic.example"

    before = logged_in.n_mails()
    asked = run_emix("download", share["link"], "-o", "in", "--request-code", "--json")
    assert asked.code == 0, asked.stderr
    mail_code = tmp_path / "mail-code"
    mail_code.write_text(logged_in.mail_code("whole@clinic.example", after=max(0, before - 1)))
    got = run_emix(
        "download", share["link"], "-o", "in", "--unpack", "--json",
        "--mail-code-file", mail_code, "--code-file", code_file, env={"EMIX_TOKEN": ""},
    )  # fmt: skip
    assert got.code == 0, got.stderr
    assert got.document["verified"] is True
    package = tmp_path / "in" / f"{package_id}.emix.html"
    assert run_emix("verify", package, "--code-file", code_file).code == 0
    originals = {path.read_bytes() for path in small_disc.rglob("IM*")}
    folder = tmp_path / "in" / package_id / "DICOM"
    assert {p.read_bytes() for p in folder.rglob("*") if p.is_file()} == originals

    status = run_emix("status", package_id, "--json").document
    assert status["shares"][0]["state"] == "downloaded"
    assert run_emix("revoke", package_id).code == 5
    assert run_emix("revoke", share["share_id"], "--yes", "--json").code == 0
    assert run_emix("revoke", package_id, "--yes").code == 0
    gone = run_emix("download", package_id, "-o", "again", "--json")
    assert gone.code == 66
    assert gone.error["id"] == "exchange.gone"
    assert not list((tmp_path / "again").glob("*"))


def test_new_address_must_be_confirmed_before_anything_leaves(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    arguments: Arguments = (
        "send",
        small_disc,
        "--to",
        "new@clinic.example",
        *SEND,
        "--code-out",
        "code",
    )
    refused = run_emix(*arguments)
    assert refused.code == 69
    assert "--confirm-to" in refused.error["hint"]
    assert "nothing was sent" in refused.error["message"]
    assert not (tmp_path / "code").exists()
    sent = run_emix(*arguments, "--confirm-to", "new@clinic.example")
    assert sent.code == 0, sent.stderr
    assert sent.document["parts_kept"] == 0


def test_a_refused_recipient_leaves_the_others_theirs(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    arguments: Arguments = (
        "send", small_disc, *to("good"), "--to", "fresh@clinic.example", *SEND,
        "--code-out", "codes",
    )  # fmt: skip
    found = run_emix(*arguments)
    assert found.code == 3
    assert found.error["id"] == "partial"
    (share,) = found.document["shares"]
    assert share["recipient"] == "good@clinic.example"
    assert found.error["message"].startswith(
        "shared with 1 of 2 recipients, not with fresh@clinic.example: "
    )
    (refused,) = found.document["refused"]
    assert (refused["recipient"], refused["id"]) == (
        "fresh@clinic.example",
        "recipient.unconfirmed",
    )
    assert (tmp_path / "codes").read_text().split()[0] == "good@clinic.example"
    code = (tmp_path / "codes").read_text()
    whole = run_emix(*arguments, "--confirm-to", "fresh@clinic.example")
    assert whole.code == 0, whole.stderr
    assert whole.document["refused"] == []
    assert whole.document["shares"][0]["share_id"] == share["share_id"]
    assert len(whole.document["shares"]) == 2
    assert (tmp_path / "codes").read_text().startswith(code)


def test_sharing_goes_on_with_the_refused(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path
) -> None:
    sent = run_emix("send", small_disc, *to("first"), *SEND, "--code-out", "code").document
    package_id = sent["package_id"]
    assert run_emix("status", package_id, "--json").document["shares"]
    more: Arguments = (
        "share", package_id, *to("second"), "--to", "third@clinic.example", *SEND,
        "--code-out", "more",
    )  # fmt: skip
    found = run_emix(*more)
    assert found.code == 3
    assert [share["recipient"] for share in found.document["shares"]] == ["second@clinic.example"]
    assert found.document["refused"][0]["recipient"] == "third@clinic.example"
    whole = run_emix(*more, "--confirm-to", "third@clinic.example")
    assert whole.code == 0, whole.stderr
    assert whole.document["shares"][0] == found.document["shares"][0]


def test_who_was_refused_first_gets_the_limits_of_the_second_run(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path
) -> None:
    arguments: Arguments = (
        "send", small_disc, *to("had"), "--to", "late@clinic.example", *SEND,
        "--code-out", "codes",
    )  # fmt: skip
    assert run_emix(*arguments).code == 3
    limits = ("--max-downloads", "2", "--expires", "7d", "--urgent", "--hold", "0")
    again = run_emix(*arguments, "--confirm-to", "late@clinic.example", *limits)
    assert again.code == 0, again.stderr
    had, late = again.document["shares"]
    assert (late["max_opens"], late["urgent"]) == (2, True)
    assert late["expires"] < had["expires"]
    assert had["max_opens"] is None
    plain = [one for one in arguments if one != "--json"]
    told = run_emix(*plain, *limits)
    assert "had@clinic.example has a share from before" in told.stderr
    assert "late@clinic.example has" not in told.stderr


def test_mistyped_confirmation_stops_before_anything(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path
) -> None:
    arguments: Arguments = (
        "send",
        small_disc,
        "--to",
        "a@clinic.example",
        "--confirm-to",
        "a@clinc.example",
    )
    found = run_emix(*arguments, *SEND, "--code-out", "code")
    assert found.code == 69


def test_same_send_is_done_once(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    arguments: Arguments = ("send", small_disc, *to("once"), *SEND, "--code-out", "code")
    first = run_emix(*arguments)
    code = (tmp_path / "code").read_text()
    second = run_emix(*arguments)
    assert second.document["already_sent"] is True
    assert second.document["package_id"] == first.document["package_id"]
    assert [s["share_id"] for s in second.document["shares"]] == [
        s["share_id"] for s in first.document["shares"]
    ]
    assert (tmp_path / "code").read_text() == code
    (tmp_path / "code").unlink()
    again = run_emix(*arguments, "--again")
    assert again.document["package_id"] != first.document["package_id"]
    assert run_emix("revoke", again.document["package_id"], "--yes").code == 0
    (tmp_path / "code").unlink()
    anew = run_emix(*arguments)
    assert anew.document["already_sent"] is False
    assert anew.document["package_id"] != again.document["package_id"]


def test_several_recipients_have_their_own_codes(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    sent = run_emix("send", small_disc, *to("one"), *to("two"), *SEND, "--code-out", "codes")
    assert sent.code == 0, sent.stderr
    lines = [line.split() for line in (tmp_path / "codes").read_text().splitlines()]
    assert [line[0] for line in lines] == ["one@clinic.example", "two@clinic.example"]
    assert lines[0][1] != lines[1][1]


def test_plan_is_shown_and_nothing_written(
    run_emix: EmixProcess, small_disc: Path, tmp_path: Path, emix_home: Path
) -> None:
    found = run_emix(
        "send", small_disc, *to("plan"), "--purpose", "treatment", "--dry-run", "--json"
    )
    assert found.code == 0, found.stderr
    assert found.document["counts"]["instances"] == 6
    assert found.document["size_bound"] > 0
    assert not (emix_home / "state" / "journals").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--purpose", "curiosity"), 2),
        (("--purpose", "treatment", "--to", "a@b.example,c@d.example"), 2),
        (("--purpose", "treatment", "--to", "a@b.example", "--to", "A@b.example"), 2),
    ],
)
def test_bad_orders(
    run_emix: EmixProcess, small_disc: Path, arguments: tuple[str, ...], code: int
) -> None:
    assert run_emix("send", small_disc, "--to", "x@y.example", *arguments, "--yes").code == code


def test_several_patients_stop(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    builders.study(tmp_path / "disc")
    other = builders.instance(study=2, extra={"PatientID": "OTHER", "PatientName": "Other^One"})
    builders.write(other, tmp_path / "disc" / "other")
    found = run_emix("send", "disc", *to("several"), *SEND, "--code-out", "code")
    assert found.code == 25
    assert "--all-patients" in found.error["hint"]
    chosen = run_emix("send", "disc", *to("several"), *SEND, "--code-out", "code", "--patient", "1")
    assert chosen.code == 0, chosen.stderr


def test_losses_end_with_3(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    files = builders.study(tmp_path / "disc")
    builders.truncate(files[0], keep=0.5)
    found = run_emix("send", "disc", *to("loss"), *SEND, "--code-out", "code")
    assert found.code == 3
    assert found.document["unreadable"] + found.document["counts"]["lost"] >= 1
    assert found.document["shares"]


def test_needs_confirmation(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path
) -> None:
    found = run_emix("send", small_disc, *to("ask"), "--purpose", "treatment")
    assert found.code == 5
    assert "--yes" in found.stderr


def test_recall_before_the_mail(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path
) -> None:
    arguments = [one for one in SEND if one != "--json"]
    limits = ("--max-downloads", "3", "--urgent")
    told = run_emix("send", small_disc, *to("recall"), *arguments, *limits, "--code-out", "code")
    sent = run_emix("list", "--json").document["packages"][0]
    (share,) = sent["shares"]
    assert "for treatment; 3 openings each, urgent" in told.stderr
    assert "1 access code in code" in told.stderr
    assert f"until then emix recall {share['share_id']} takes it back" in told.stderr
    status = run_emix("status", sent["package_id"]).stdout
    assert "(treatment, urgent)" in status
    assert "openings 0 of 3" in status
    assert status.count("expires  ") == 2
    recalled = run_emix("recall", sent["package_id"], "--json")
    assert recalled.document["shares"][0]["state"] == "recalled"
    again = run_emix("recall", sent["package_id"])
    assert again.code == 66
    assert "emix revoke" not in again.stderr, "nobody has access"
    assert run_emix("revoke", sent["package_id"], "--yes").code == 0


def test_a_revoked_share_cannot_be_recalled_nor_need_be(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path
) -> None:
    sent = run_emix("send", small_disc, *to("late"), *SEND, "--hold", "0", "--code-out", "code")
    share_id = sent.document["shares"][0]["share_id"]
    late = run_emix("recall", share_id, "--json")
    assert (late.code, late.error["hint"]) == (66, f"emix revoke {share_id} ends access")
    assert run_emix("revoke", share_id, "--yes").code == 0
    ended = run_emix("recall", share_id, "--json")
    assert ended.code == 66
    assert ended.error["hint"] == "its link opens nothing any more: nothing is left to do"


def test_upload_share_list(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    packed = run_emix("pack", small_disc, "-o", "a.emix.html", "--code-out", "pack-code")
    assert packed.code == 0, packed.stderr
    up = run_emix("upload", "a.emix.html", "--json")
    assert up.code == 0, up.stderr
    assert up.document["state"] == "sealed"
    assert run_emix("upload", "a.emix.html", "--json").document["parts"] == 0
    package_id = up.document["package_id"]
    unasked = run_emix(
        "share", package_id, *to("share"), "--purpose", "legal", "--json", "--code-out", "code"
    )
    assert unasked.code == 5
    assert "share@clinic.example" not in unasked.stdout + unasked.stderr
    shared = run_emix("share", package_id, *to("share"), *SEND, "--code-out", "code")
    assert shared.code == 0, shared.stderr
    listed = run_emix("list", "--json").document["packages"]
    mine = next(package for package in listed if package["package_id"] == package_id)
    assert mine["shares"][0]["recipient"] == "share@clinic.example"
    assert run_emix("download", package_id, "-o", "own").code == 0
    # The code of the file stayed behind: the exchange has the sender's own way to the key only.
    stored = tmp_path / "own" / f"{package_id}.emix.html"
    assert run_emix("verify", stored, "--code-file", "pack-code").code == 81
    assert run_emix("verify", stored).code == 0


def test_wrong_access_code_counts_down(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    sent = run_emix("send", small_disc, *to("wrong"), *SEND, "--hold", "0", "--code-out", "code")
    link = sent.document["shares"][0]["link"]
    (tmp_path / "wrong").write_text("00000-00000-0\n")
    mistyped = run_emix("download", link, "-o", "in", "--code-file", "code", "--mail-code-file",
                        "wrong")  # fmt: skip
    assert mistyped.code == 65
    run_emix("download", link, "-o", "in", "--request-code")
    (tmp_path / "mail").write_text(logged_in.mail_code("wrong@clinic.example"))
    found = run_emix("download", link, "-o", "in", "--code-file", "wrong", "--mail-code-file",
                     "mail", "--json")  # fmt: skip
    assert found.code == 65
    assert "4" in found.error["hint"] + found.error["message"]
    assert not list((tmp_path / "in").glob("*"))


def test_login_whoami_logout(
    run_emix: EmixProcess, exchange: ExchangeProcess, emix_home: Path
) -> None:
    login = ("login", exchange.url, "--email", EMAIL, "--password-file", exchange.password_file)
    no_keyring = run_emix(*login, "--json")
    assert no_keyring.code == 4
    again = " ".join(["emix", *map(str, login[:4]), "--password-file", str(login[5])])
    assert no_keyring.error["hint"].startswith(f"{again} --store file keeps")
    assert run_emix(*login, "--store", "file", "--json").document["email"] == EMAIL
    kept = emix_home / "credentials.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert run_emix("whoami", "--json").document["organisation"] == "Hospital"
    named = run_emix("config", "set", "sender_name", "Ward 4", "--profile", "ward")
    assert named.code == 0, named.stderr
    other = run_emix("logout", "--profile", "ward", "--json")
    assert other.code == 0, other.stderr
    assert other.document["revoked"] is False
    assert run_emix("whoami").code == 0, "a profile without a login ends no other login"
    assert run_emix("logout", "--json").document["revoked"] is True
    assert run_emix("whoami").code == 4
    assert run_emix("list").code == 4
    wrong = run_emix(*login[:4], "--password-file", "-", "--store", "file", stdin="nope\n")
    assert wrong.code == 4


def test_logout_without_the_exchange(run_emix: EmixProcess) -> None:
    url = "http://127.0.0.1:1"
    assert run_emix("config", "set", "exchange_url", url).code == 0
    credentials.remember(url, "token", store="file", email=EMAIL, ca_file=None)
    out = run_emix("logout", "--json")
    assert out.code == 60
    assert out.error["message"].startswith("logged out on this machine only: ")
    assert "until it expires" in out.error["hint"]
    assert run_emix("logout").stderr.strip() == "not logged in"


def test_what_is_sent_de_identified_names_nobody(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    disc = tmp_path / "disc-to-clean"
    disc.mkdir()
    for number in (1, 2):
        builders.write(builders.instance(number=number), disc / f"IM{number}")
    key = tmp_path / "key"
    assert run_emix("anonymize", "--new-key", key).code == 0
    send: Arguments = ("send", disc, *to("study"), *SEND, "--code-out", "clean", "--anonymize")
    sent = run_emix(*send, "--key-file", key)
    assert sent.code == 0, sent.stderr
    package_id = sent.document["package_id"]
    again = run_emix(*send, "--deid-key", key)
    assert again.document["package_id"] == package_id, "the same send is not made twice"
    got = run_emix("download", package_id, "-o", "cleaned", "--unpack", "--json")
    assert got.code == 0, got.stderr
    files = [path for path in (tmp_path / "cleaned" / package_id).rglob("*") if path.is_file()]
    assert len(files) > 2
    values = [value.encode() for value in builders.CANARY.strings()]
    for path in files:
        content = path.read_bytes()
        assert not [value for value in values if value in content]


def test_a_report_goes_with_de_identified_images_as_a_copy(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    disc = tmp_path / "disc-to-clean"
    disc.mkdir()
    builders.write(builders.instance(number=1), disc / "IM1")
    lines = builders.hl7() + b"OBX|2|NM|2160-0^Creatinine^LN||1.9|mg/dL||||F\r"
    (tmp_path / "r.hl7").write_bytes(lines)
    send: Arguments = ("send", disc, *to("report"), *SEND, "--code-out", "codes", "--anonymize",
                       "--report", tmp_path / "r.hl7")  # fmt: skip
    assert run_emix(*send).code == 2
    reviewed = run_emix(*send, "--reports", "reviewed", "--reviewer", "R", "--no-input")
    assert reviewed.code == 5
    sent = run_emix(*send, "--reports", "structured")
    assert sent.code == 0, sent.stderr
    package_id = sent.document["package_id"]
    again = run_emix(*send, "--reports", "structured")
    assert again.document["package_id"] == package_id
    assert run_emix("download", package_id, "-o", "got", "--unpack", "--json").code == 0
    copy = (tmp_path / "got" / package_id / "REPORTS" / "R0001.HL7").read_bytes()
    assert b"2160-0" in copy
    assert not [value for value in builders.CANARY.strings() if value.encode() in copy]


def test_a_send_with_a_key_of_its_own_is_made_once(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    disc = tmp_path / "disc-to-clean"
    disc.mkdir()
    builders.write(builders.instance(number=1), disc / "IM1")
    send: Arguments = ("send", disc, *SEND, "--code-out", "codes", "--anonymize")
    sent = run_emix(*send, *to("once"))
    assert sent.code == 0, sent.stderr
    again = run_emix(*send, *to("once"))
    assert again.document["package_id"] == sent.document["package_id"]
    other = run_emix("send", disc, *to("other"), *SEND, "--code-out", "more", "--anonymize")
    uids = []
    for document in (sent.document, other.document):
        package_id = document["package_id"]
        got = run_emix("download", package_id, "-o", "got", "--unpack", "--json")
        assert got.code == 0, got.stderr
        index = (tmp_path / "got" / package_id / "EMIX" / "INDEX.JSN").read_text()
        uids.append(json.loads(index)["patients"][0]["studies"][0]["uid"])
    assert uids[0] != uids[1], "two sends cannot be linked"


def pseudonym_in(run_emix: EmixProcess, package_id: str, folder: Path) -> str:
    got = run_emix("download", package_id, "-o", folder, "--unpack", "--json")
    assert got.code == 0, got.stderr
    index = (folder / package_id / "EMIX" / "INDEX.JSN").read_text()
    return str(json.loads(index)["patients"][0]["name"])


def test_the_key_of_a_send_is_kept_until_it_has_ended_and_no_longer(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    disc = tmp_path / "disc-to-clean"
    disc.mkdir()
    builders.write(builders.instance(number=1), disc / "IM1")
    send: Arguments = ("send", disc, *to("forgotten"), *SEND, "--code-out", "codes", "--anonymize")
    first = run_emix(*send)
    assert first.code == 0, first.stderr
    (journal,) = journals_dir().glob("send-*.jsonl")
    assert '"done"' in journal.read_text()
    assert '"deid"' not in journal.read_text()
    table = run_emix(*send, "--table", tmp_path / "table")
    assert table.code == 2
    assert "its key is forgotten" in table.error["message"]
    assert not (tmp_path / "table").exists()
    (tmp_path / "codes").unlink()
    anew = run_emix(*send, "--again")
    assert anew.code == 0, anew.stderr
    names = [
        pseudonym_in(run_emix, sent.document["package_id"], tmp_path / "got")
        for sent in (first, anew)
    ]
    assert names[0] != names[1], "nobody can link two sends, not even who sent them"

"""`emix batch`: each row once, none lost, and what is wrong told for all rows at once."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emixcli.errors import UsageError
from emixcli.services.batch import Batch, RowStages, in_columns
from emixcli.services.batch_file import BadRow, Row, read_batch
from tests import builders
from tests.builders import Canary
from tests.hearing import Heard
from tests.running import ROOT, EmixProcess, Result
from tests.unit.services.exchange_process import ExchangeProcess


def write_batch(folder: Path, rows: list[dict[str, str]]) -> Path:
    path = folder / "sends.csv"
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def row(source: str, to: str, **more: str) -> dict[str, str]:
    address = f"{to}@clinic.example"
    return {"source": source, "to": address, "purpose": "treatment", "confirm_to": address, **more}


def study(folder: Path, number: int) -> str:
    phi = Canary(name=f"BATCH^P{number}", id=f"BATCH-{number}")
    builders.study(folder / f"study{number}", series=1, instances=2, number=number, phi=phi)
    return f"study{number}"


def n_packages(run_emix: EmixProcess) -> int:
    return len(run_emix("list", "--json").document["packages"])


def n_shares(run_emix: EmixProcess, done: Result) -> list[int]:
    """Return how many shares the package of each row has."""
    return [
        len(run_emix("status", one["package_id"], "--json").document["shares"])
        for one in done.document["rows"]
    ]


def codes(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_row_is_sent_once_and_again_sends_nothing(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    rows = [row(study(tmp_path, n), f"batch{n}", ref=f"r{n}", hold="0") for n in (1, 2, 3)]
    batch = write_batch(tmp_path, rows)
    del logged_in
    before = n_packages(run_emix)
    done = run_emix("batch", "run", batch, "--codes-out", "codes.csv", "--log", "log", "--json")
    assert done.code == 0, done.stderr
    assert done.document["counts"] == {"sent": 3, "already": 0, "ready": 0, "failed": 0}
    assert [one["ref"] for one in done.document["rows"]] == ["r1", "r2", "r3"]
    listed = codes(tmp_path / "codes.csv")
    assert [line["recipient"] for line in listed] == [f"batch{n}@clinic.example" for n in (1, 2, 3)]
    assert stat.S_IMODE((tmp_path / "codes.csv").stat().st_mode) == 0o600
    steps = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [step["step"] for step in steps] == ["begin", "end"] * 3
    assert "BATCH" not in (tmp_path / "log").read_text()
    assert "@" not in (tmp_path / "log").read_text()

    (tmp_path / "study1").rename(tmp_path / "elsewhere")
    rows[0]["source"] = "elsewhere"
    batch = write_batch(tmp_path, rows)
    again = run_emix("batch", "run", batch, "--codes-out", "codes.csv", "--json")
    assert again.document["counts"]["already"] == 3
    assert codes(tmp_path / "codes.csv") == listed
    assert n_shares(run_emix, done) == [1, 1, 1]
    assert n_packages(run_emix) == before + 3


def test_one_bad_row_stops_no_other_and_can_be_run_again(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    del logged_in
    rows = [
        row(study(tmp_path, 11), "good11"),
        row("missing", "good12"),
        {**row(study(tmp_path, 13), "new13"), "confirm_to": ""},
        {**row("study11", "x"), "to": "no address"},
    ]
    batch = write_batch(tmp_path, rows)
    done = run_emix(
        "batch", "run", batch, "--codes-out", "codes.csv", "--failures", "failed.csv", "--json"
    )
    assert done.code == 3
    assert done.document["counts"] == {"sent": 1, "already": 0, "ready": 0, "failed": 3}
    errors = [one.get("error") for one in done.document["rows"]]
    assert errors[0] is None
    assert all(errors[1:])
    failed = codes(tmp_path / "failed.csv")
    assert [line["source"] for line in failed] == ["missing", "study13", "study11"]
    (tmp_path / "failed.csv").write_text(
        "source,to,purpose,confirm_to\nstudy13,new13@clinic.example,treatment,new13@clinic.example\n"
    )
    assert run_emix("batch", "run", "failed.csv", "--codes-out", "codes.csv").code == 0


def test_check_tells_all_errors_and_sends_nothing(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    before = n_packages(run_emix)
    rows = [
        row(study(tmp_path, 21), "check21"),
        row("missing", "check22"),
        {**row(study(tmp_path, 23), "check23"), "confirm_to": ""},
        row("study21", "check24", anonymize="perhaps"),
    ]
    done = run_emix("batch", "check", write_batch(tmp_path, rows), "--json")
    assert done.code == 3
    assert [one["state"] for one in done.document["rows"]] == ["ready"] + ["failed"] * 3
    assert n_packages(run_emix) == before
    assert [logged_in.n_mails(one["to"]) for one in rows] == [0] * 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("source,to\nx,y\n", "columns"),
        ("source,to,purpose,colour\nx,y,z,red\n", "columns"),
        ("source,to,purpose\n", "no rows"),
        ("\xff\xfe", "UTF-8"),
        (f"source,to,purpose,{'x' * 200_000}\n", "CSV"),
        ("source\rto\rpurpose\r", "columns"),
    ],
)
def test_a_file_that_is_no_batch(
    run_emix: EmixProcess, tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "bad.csv").write_bytes(content.encode("latin-1"))
    done = run_emix("batch", "check", "bad.csv", "--json")
    assert done.code == 2
    assert words in done.error["message"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_lists_as_spreadsheets_write_them(tmp_path: Path, end: str, mark: str) -> None:
    lines = [["source", "to", "purpose", "ref"], ["a", "jo@clinic.example", "treatment", '"x\ny"']]
    path = tmp_path / "sends.csv"
    path.write_bytes((end.join(mark.join(line) for line in lines) + end).encode("utf-8-sig"))
    (found,) = read_batch(path)
    assert isinstance(found, Row)
    assert found.sources == (str(tmp_path / "a"),)
    assert found.ref == "x\ny"


@pytest.mark.parametrize("name", ["hold", "max_downloads"])
@pytest.mark.parametrize("text", ["soon", "-1", "9" * 5000])
def test_a_number_that_is_none(tmp_path: Path, name: str, text: str) -> None:
    (found,) = read_batch(write_batch(tmp_path, [row("a", "jo", **{name: text})]))
    assert isinstance(found, BadRow)
    assert found.error.message == f"{name} is no number"


def test_json_lines_with_lists(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    del logged_in
    study(tmp_path, 31)
    record = {
        "source": ["study31"], "to": ["jl@clinic.example"], "purpose": "treatment",
        "confirm_to": ["jl@clinic.example"], "anonymize": True,
    }  # fmt: skip
    (tmp_path / "sends.jsonl").write_text(json.dumps(record) + "\n")
    done = run_emix("batch", "run", "sends.jsonl", "--codes-out", "codes.csv", "--json")
    assert done.code == 0, done.stderr
    assert done.document["rows"][0]["state"] == "sent"


def test_a_row_takes_copies_of_reports(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    del logged_in
    number = b"OBX|2|NM|2160-0^Creatinine^LN||1.9|mg/dL||||F\r"
    phi = Canary(name="BATCH^P35", id="BATCH-35")
    (tmp_path / "r.hl7").write_bytes(builders.hl7(phi) + number)
    rows = [
        row(study(tmp_path, 35), "copy35", report="r.hl7", anonymize="yes"),
        row("study35", "copy36", report="r.hl7", anonymize="yes", report_copies="structured"),
        row("study35", "copy37", report="r.hl7", report_copies="structured"),
        row("study35", "copy38", report="r.hl7", anonymize="yes", report_copies="all"),
    ]
    done = run_emix(
        "batch", "run", write_batch(tmp_path, rows), "--codes-out", "codes.csv", "--json"
    )
    states = [one["state"] for one in done.document["rows"]]
    assert states == ["failed", "sent", "failed", "failed"], done.stdout
    assert done.document["rows"][1]["counts"]["documents"] == 1


def test_killed_at_any_moment_each_is_sent_exactly_once(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    rows = [row(study(tmp_path, n), f"kill{n}", hold="0") for n in range(41, 47)]
    batch = write_batch(tmp_path, rows)
    del logged_in
    before = n_packages(run_emix)
    chance = random.Random(20261124)
    command = [
        sys.executable, "-m", "emixcli", "batch", "run", str(batch), "--codes-out",
        str(tmp_path / "codes.csv"), "--quiet",
    ]  # fmt: skip
    for _ in range(12):
        process = subprocess.Popen(
            command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            process.wait(timeout=chance.uniform(0.3, 2.5))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    done = run_emix("batch", "run", batch, "--codes-out", "codes.csv", "--json")
    assert done.code == 0, done.stderr
    listed = codes(tmp_path / "codes.csv")
    assert sorted(line["recipient"] for line in listed) == sorted(
        f"kill{n}@clinic.example" for n in range(41, 47)
    )
    packages = {one["package_id"] for one in done.document["rows"]}
    assert len(packages) == 6
    assert n_shares(run_emix, done) == [1] * 6
    assert n_packages(run_emix) == before + 6


def test_codes_never_go_where_others_read_or_into_another_file(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    del logged_in
    batch = write_batch(tmp_path, [row(study(tmp_path, 51), "codes51")])
    (tmp_path / "mine.txt").write_text("my notes\n")
    (tmp_path / "mine.txt").chmod(0o600)
    (tmp_path / "open.csv").write_text("row,ref,recipient,code\r\n")
    (tmp_path / "open.csv").chmod(0o644)
    before = n_packages(run_emix)
    assert run_emix("batch", "run", batch, "--codes-out", "mine.txt").code == 41
    assert run_emix("batch", "run", batch, "--codes-out", "open.csv").code == 40
    failures = ("--codes-out", "codes.csv", "--failures", "mine.txt")
    assert run_emix("batch", "run", batch, *failures).code == 41
    assert (tmp_path / "mine.txt").read_text() == "my notes\n"
    assert n_packages(run_emix) == before


def test_several_at_a_time_and_the_same_twice(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    del logged_in
    rows = [row(study(tmp_path, n), f"{name}-parallel", hold="0") for n, name in ENUMERATED]
    batch = write_batch(tmp_path, [*rows, rows[0], row("missing", "nobody-there")])
    before = n_packages(run_emix)
    done = run_emix(
        "batch", "run", batch, "--codes-out", "codes.csv", "--jobs", "4", "--log", "log", "--json"
    )
    assert done.code == 3, done.stderr
    states = [one["state"] for one in done.document["rows"]]
    assert sorted(states[:-1]) == ["already", "sent", "sent", "sent", "sent"]
    assert states[-1] == "failed"
    assert [one["row"] for one in done.document["rows"]] == [1, 2, 3, 4, 5, 6]
    assert n_packages(run_emix) == before + 4
    steps = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [s["row"] for s in steps if s["step"] == "end"].count(1) == 1


ENUMERATED = [(81, "anna"), (82, "boris"), (83, "chloe"), (84, "dimitri")]


def test_failures_in_another_folder_can_be_run_there(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    del logged_in
    place = study(tmp_path, 91)
    batch = write_batch(tmp_path, [{**row(place, "elsewhere-91"), "ref": "r", "confirm_to": ""}])
    (tmp_path / "out").mkdir()
    run_emix("batch", "run", batch, "--codes-out", "codes.csv", "--failures", "out/failed.csv")
    (line,) = codes(tmp_path / "out" / "failed.csv")
    assert line["source"] == str((tmp_path / place).resolve())
    assert (line["ref"], line["failure"]) == ("r", "recipient.unconfirmed")
    write_batch(tmp_path / "out", [{**line, "confirm_to": ""}])
    twice = ("--codes-out", "codes.csv", "--failures", "out/twice.csv")
    run_emix("batch", "run", "out/sends.csv", *twice)
    assert codes(tmp_path / "out" / "twice.csv") == [line]
    write_batch(tmp_path / "out", [{**line, "confirm_to": line["to"]}])
    assert run_emix("batch", "run", "out/sends.csv", "--codes-out", "codes.csv").code == 0


def test_half_a_line_that_a_crash_left_is_cut_off(
    run_emix: EmixProcess, logged_in: ExchangeProcess, tmp_path: Path
) -> None:
    del logged_in
    batch = write_batch(tmp_path, [row(study(tmp_path, 95), "torn-line-95")])
    (tmp_path / "codes.csv").write_text("row,ref,recipient,code\r\n7,,someone@clinic.exa")
    (tmp_path / "codes.csv").chmod(0o600)
    (tmp_path / "log").write_text('{"step": "begin"}\n{"step": "en')
    done = run_emix("batch", "run", batch, "--codes-out", "codes.csv", "--log", "log")
    assert done.code == 0, done.stderr
    assert [line["recipient"] for line in codes(tmp_path / "codes.csv")] == [
        "torn-line-95@clinic.example"
    ]
    assert [json.loads(line)["step"] for line in (tmp_path / "log").read_text().splitlines()] == [
        "begin", "begin", "end",
    ]  # fmt: skip


def test_what_is_heard_of_a_batch() -> None:
    bad = [BadRow(n, "", UsageError("no", hint="none")) for n in (1, 2)]
    heard = Heard()
    nothing: Any = None  # a bad row is never sent
    batch = Batch(nothing, nothing, nothing, lambda _row: None)
    assert [one.row.number for one in batch.run(bad, jobs=2, progress=heard)] == [1, 2]
    assert heard.told == [("sending rows", 2), ("more", 1), ("more", 1)]
    one = RowStages(heard, bad[1])
    one.stage("uploading", 7)
    one.advance(3)
    one.resize(5)
    assert heard.told[3:] == [("row 2: uploading bytes", 7), ("more", 3), ("all", 5)]


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        (
            "choose by --patient or --study; --all-patients takes everything",
            "choose by the column patient or the column study",
        ),
        ("check --max-downloads", "check the column max_downloads"),
        ("give --code-out FILE", "give --code-out FILE"),
        ("run it; emix keys export --private", "run it; emix keys export --private"),
        ("", ""),
    ],
)
def test_hints_name_columns(hint: str, told: str) -> None:
    assert in_columns(hint) == told

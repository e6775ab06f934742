"""What people and files hand to services: an answer or an `EmixError`, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from emixcli.errors import SyslogError, UsageError
from emixcli.services.audit import verify_file
from emixcli.services.batch_file import read_batch
from emixcli.services.share import parse_life
from emixcli.services.syslog import SyslogSender, SyslogTarget


@pytest.mark.parametrize(
    "text", ["9" * 5000, "9" * 5000 + "h", "0", "-1d", "1.5", "٧d", "31d", "d"]
)
def test_a_length_of_time(text: str) -> None:
    with pytest.raises(UsageError):
        parse_life(text)


@pytest.mark.parametrize("number", ["Infinity", "1e999", "NaN", "[" * 5000, '"x"'])
def test_an_audit_row(tmp_path: Path, number: str) -> None:
    path = tmp_path / "trail.jsonl"
    path.write_text(
        f'{{"seq": {number}, "at_ms": 1, "actor": "", "action": "", "subject": "",'
        ' "detail": {}, "hash": "", "organisation_id": ""}\n'
    )
    with pytest.raises(UsageError):
        verify_file(path)


@pytest.mark.parametrize("line", ["[" * 100_000, '{"source": ' * 100_000, "[]", "{"])
def test_a_line_of_a_batch(tmp_path: Path, line: str) -> None:
    path = tmp_path / "sends.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(UsageError):
        read_batch(path)


def test_a_host_that_can_be_none() -> None:
    with pytest.raises(SyslogError):
        SyslogSender(SyslogTarget("a..b", 6514))

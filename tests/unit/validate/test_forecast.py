"""What a PACS will not store is told before: compared with the verdicts of one."""

from __future__ import annotations

import csv
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emixcli.media.scan import scan_media
from emixcli.model import Severity
from tests import builders


def is_refused(path: Path) -> bool:
    """Whether a scan of one file has a finding that blocks."""
    findings = scan_media([str(path)]).findings
    return any(found.severity == Severity.BLOCK for found in findings)


def test_verdicts_of_orthanc(shared_corpora: Path) -> None:
    folder = shared_corpora / "dicom"
    with (folder / "ORACLE.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    column = next(name for name in rows[0] if name.startswith("orthanc"))
    refused = {row["path"] for row in rows if row[column].startswith("REJECT")}
    told = {row["path"] for row in rows if is_refused(folder / row["path"])}
    assert refused - told == set()
    assert len(told & refused) >= 0.9 * len(told) > 0


@pytest.fixture
def storescp(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    program, sender = shutil.which("storescp"), shutil.which("storescu")
    if program is None or sender is None:
        pytest.skip("storescp and storescu of dcmtk are not here")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    target = tmp_path / "stored"
    target.mkdir()
    server = subprocess.Popen([program, "+xa", "-od", str(target), str(port)])
    try:
        for _ in range(2000):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield port, target
    finally:
        server.terminate()
        server.wait()


def test_storescp_refuses_what_is_told(tmp_path: Path, storescp: tuple[int, Path]) -> None:
    port, target = storescp
    paths = builders.study(tmp_path / "in", series=1, instances=4)
    data = paths[0].read_bytes()
    at = data.index(b"\x08\0\x16\0UI", 200)
    paths[0].write_bytes(data[:at] + data[at + 8 + data[at + 6] :])  # no SOP Class UID
    builders.truncate(paths[1], keep=0.8)
    told = {path for path in paths if is_refused(path)}
    assert told == set(paths[:2])
    sender = str(shutil.which("storescu"))
    for path in paths:
        n_before = len(list(target.iterdir()))
        subprocess.run(
            [sender, "127.0.0.1", str(port), str(path)], capture_output=True, check=False
        )
        assert (len(list(target.iterdir())) == n_before) == (path in told)

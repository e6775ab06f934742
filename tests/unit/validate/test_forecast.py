"""What a PACS will not store is told before: compared with the verdicts of PACS."""

from __future__ import annotations

import csv
import os
import shutil
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from emixcli.media.scan import scan_media
from emixcli.model import Severity
from tests.refusals import DEFLATED, NOT_SENT, REFUSED, STORED, elements, meta, written
from tests.running import ROOT

#: Sends files to Orthanc, one after the other, inside the network of their own.
_POST = """
import json, sys, urllib.error, urllib.request
for path in sys.stdin.read().splitlines():
    with open(path, 'rb') as file:
        request = urllib.request.Request('http://127.0.0.1:18042/instances', data=file.read())
    try:
        verdict = json.load(urllib.request.urlopen(request))['Status']
    except urllib.error.HTTPError:
        verdict = 'refused'
    print(verdict, flush=True)
"""
_SETTINGS = """{"Name": "TEST", "StorageDirectory": "%s", "IndexDirectory": "%s",
"RemoteAccessAllowed": false, "HttpPort": 18042, "DicomServerEnabled": false, "Plugins": []}"""
_STARTED = """
import sys, urllib.request
for _ in range(5000):
    try:
        urllib.request.urlopen('http://127.0.0.1:18042/system').close()
        sys.exit(0)
    except OSError:
        pass
sys.exit(1)
"""


def is_refused(path: Path) -> bool:
    """Whether a scan of one file has a finding that blocks."""
    findings = scan_media([str(path)]).findings
    return any(found.severity == Severity.BLOCK for found in findings)


def corpus(folder: Path) -> dict[str, str]:
    """Return the files of the corpus, and what Orthanc said when it was made."""
    with (folder / "ORACLE.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    column = next(name for name in rows[0] if name.startswith("orthanc"))
    return {row["path"]: row[column] for row in rows}


def odd_objects(folder: Path) -> tuple[list[Path], set[Path]]:
    """Write odd objects; return all of them, and those that a PACS refuses."""
    paths, refused = [], set()
    for number, (name, made) in enumerate({**REFUSED, **STORED}.items(), 1):
        path = folder / f"{number}"
        path.write_bytes(made(number))
        paths.append(path)
        if name in REFUSED:
            refused.add(path)
    return paths, refused


@pytest.mark.parametrize("name", [*REFUSED, *NOT_SENT])
def test_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").write_bytes({**REFUSED, **NOT_SENT}[name](1))
    assert is_refused(tmp_path / "x")
    assert len(scan_media([str(tmp_path)]).refused) == 1


@pytest.mark.parametrize("name", STORED)
def test_stored(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").write_bytes(STORED[name](1))
    assert not is_refused(tmp_path / "x")


def test_refused_in_a_series(tmp_path: Path) -> None:
    """Headers of one series are compared with each other instead of parsed."""
    whole = STORED["nothing odd"](1)
    for number in range(1, 9):
        uid = b"%c.25.77.1.%d" % (0 if number > 6 else ord("2"), number)
        (tmp_path / f"{number}").write_bytes(whole.replace(b"2.25.77.1.1", uid))
    assert len(scan_media([str(tmp_path)]).refused) == 2


def test_of_a_huge_deflated_object_not_all_is_looked_at(tmp_path: Path) -> None:
    found = elements(1, pixels=bytes(64 * 1024 * 1024))
    engine = zlib.compressobj(1, wbits=-15)
    data = engine.compress(written(found)) + engine.flush(zlib.Z_SYNC_FLUSH)
    (tmp_path / "x").write_bytes(meta(found, DEFLATED) + data)
    assert not is_refused(tmp_path / "x")


def test_fragments_contradict_no_syntax_where_none_is_declared(tmp_path: Path) -> None:
    whole = STORED["fragments"](1)
    length = int.from_bytes(whole[140:144], "little")
    (tmp_path / "x").write_bytes(whole[144 + length :])
    assert not is_refused(tmp_path / "x")


def test_verdicts_of_the_corpus(shared_corpora: Path) -> None:
    folder = shared_corpora / "dicom"
    verdicts = corpus(folder)
    refused = {path for path, verdict in verdicts.items() if verdict.startswith("REJECT")}
    told = {path for path in verdicts if is_refused(folder / path)}
    _is_in_page("Orthanc, a corpus of real and odd objects", len(verdicts), refused, told)


def _is_in_page(what: str, n_objects: int, refused: set[str], told: set[str]) -> None:
    """Compare with docs/reference/findings.md: recall is 1.0, precision at least 0.9."""
    n_both = len(refused & told)
    row = f"| {what} | {n_objects} | {len(refused)} | {n_both} | {len(told) - n_both} |"
    assert row in (ROOT / "docs" / "reference" / "findings.md").read_text("utf-8"), row
    assert refused - told == set()
    assert n_both >= 0.9 * len(told) > 0


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Callable[[Sequence[Path]], list[bool]]]:
    """Whether a real Orthanc stores files, in a network of its own: it listens everywhere."""
    needed = ("Orthanc", "unshare", "nsenter", "ip")
    missing = [name for name in needed if shutil.which(name) is None]
    if missing or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip(f"needs root and {', '.join(needed)}; not here: {', '.join(missing)}")
    settings, store = tmp_path / "orthanc.json", tmp_path / "orthanc"
    store.mkdir()
    settings.write_text(_SETTINGS % (store, store), "utf-8")
    inside = f"ip link set lo up && exec Orthanc '{settings}'"
    server = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", inside],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def client(program: str, words: str = "") -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", "--target", str(server.pid), "--net", sys.executable, "-c", program]
        return subprocess.run(enter, input=words, capture_output=True, text=True, check=False)

    def store_all(paths: Sequence[Path]) -> list[bool]:
        verdicts = client(_POST, "\n".join(map(str, paths))).stdout.split()
        assert len(verdicts) == len(paths)
        return [verdict in ("Success", "AlreadyStored") for verdict in verdicts]

    try:
        if client(_STARTED).returncode:
            pytest.skip("Orthanc does not start here")
        yield store_all
    finally:
        server.terminate()
        server.wait()


def test_orthanc_refuses_what_is_told(
    tmp_path: Path,
    shared_corpora: Path,
    orthanc: Callable[[Sequence[Path]], list[bool]],
) -> None:
    folder = shared_corpora / "dicom"
    paths = [folder / path for path in corpus(folder)]
    refused = {path for path, is_in in zip(paths, orthanc(paths), strict=True) if not is_in}
    told = {path for path in paths if is_refused(path)}
    assert refused - told == set()
    assert len(refused) >= 0.9 * len(told) > 0
    odd, expected = odd_objects(tmp_path)
    refused = {path for path, is_in in zip(odd, orthanc(odd), strict=True) if not is_in}
    assert refused == expected
    names = [{str(path) for path in paths} for paths in (refused, filter(is_refused, odd))]
    _is_in_page("Orthanc, odd objects made for the test", len(odd), *names)


@pytest.fixture
def storescp(tmp_path: Path) -> Iterator[Callable[[Path], bool]]:
    """Whether storescp of dcmtk stores a file that dcmsend offers."""
    program, sender = shutil.which("storescp"), shutil.which("dcmsend")
    if program is None or sender is None:
        pytest.skip("storescp and dcmsend of dcmtk are not here")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    target = tmp_path / "stored"
    target.mkdir()
    server = subprocess.Popen(
        [program, "--accept-all", "-od", str(target), "-uf", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def store(path: Path) -> bool:
        n_before = len(list(target.iterdir()))
        send = [sender, "-nuc", "127.0.0.1", str(port), str(path)]
        subprocess.run(send, capture_output=True, check=False)
        return len(list(target.iterdir())) > n_before

    try:
        end = time.monotonic() + 30
        while not _listens(port):
            assert server.poll() is None, "storescp has ended"
            assert time.monotonic() < end, "storescp does not start"
            time.sleep(0.02)
        yield store
    finally:
        server.terminate()
        server.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


#: What this program takes, although a PACS with a database does not: it looks at no identifiers
#: but those of the object, and stores what it is sent.
_TAKEN_BY_STORESCP = frozenset({
    "no study UID", "empty study UID", "blank study UID", "study UID of 300 characters",
    "Patient ID of 300 characters", "study UID as bytes", "study UID of unknown VR",
    "study UID of tabs", "Patient ID of 200 characters in 400 bytes",
    "meta group with an unknown VR", "study UID behind a NUL",
    "an empty study UID before another", "a blank study UID before another",
})  # fmt: skip


def test_storescp_refuses_what_is_told(tmp_path: Path, storescp: Callable[[Path], bool]) -> None:
    taken = set()
    for number, (name, made) in enumerate({**REFUSED, **NOT_SENT, **STORED}.items(), 1):
        path = tmp_path / "object"
        path.write_bytes(made(number))
        if storescp(path):
            taken.add(name)
    assert taken == {*STORED, *_TAKEN_BY_STORESCP}

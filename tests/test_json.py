"""The JSON that scripts read: its names are promised, so they are pinned here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import builders
from tests.running import ROOT, Result

FINDING = {"code", "severity", "count", "where", "why", "next"}
LOSS = {"series_uid", "instances"}
LOST = {"sop_instance_uid", "instance_number", "bytes_lost"}
Emix = Callable[..., Result]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    files = builders.study(tmp_path / "disc", series=2, instances=3)
    builders.truncate(files[0], keep=0.5)
    (tmp_path / "disc/letter.txt").write_text("junk")
    return tmp_path


def document(result: Result, schema: str) -> dict[str, Any]:
    found: dict[str, Any] = result.document
    assert found["schema"] == schema
    return found


def test_every_schema_is_documented() -> None:
    page = (ROOT / "docs/reference/json.md").read_text("utf-8")
    used: set[str] = set()
    for path in (ROOT / "emixcli").rglob("*.py"):
        used |= set(re.findall(r"\bemix\.[a-z-]+/1\b", path.read_text("utf-8")))
    assert used
    assert {name for name in used if name not in page} == set()


def test_scan(work: Path, emix_here: Emix) -> None:
    found = document(emix_here("scan", work / "disc", "--json"), "emix.scan/1")
    assert set(found["counts"]) >= {
        "files",
        "patients",
        "studies",
        "series",
        "instances",
        "reports",
        "other",
        "unreadable",
    }
    assert found["counts"]["patients"] == found["counts"]["studies"] == 1
    study = found["patients"][0]["studies"][0]
    assert study["study_instance_uid"] == builders.uid(1)
    series = study["series"][0]
    assert series["series_instance_uid"] == builders.uid(1, 1)
    instance = series["instances"][-1]
    assert instance["sop_instance_uid"] == builders.uid(1, 1, 3)
    assert instance["instance_number"] == 3
    assert instance["path"] == "ST001/SE001/IM00003"
    assert found["findings"]
    assert all(set(finding) >= FINDING for finding in found["findings"])


def test_package(work: Path, emix_here: Emix) -> None:
    package = work / "one.emix.html"
    made = emix_here("pack", work / "disc", "-o", package, "--code-out", work / "code", "--json")
    assert made.code == 3  # one object is cut
    packed = document(made, "emix.pack/1")
    code = ("--code-file", work / "code", "--json")
    verified = document(emix_here("verify", package, *code), "emix.verify/1")
    unpacked = document(emix_here("unpack", package, "-o", work / "out", *code), "emix.unpack/1")
    for found in (packed, verified, unpacked):
        assert set(found) >= {"package_id", "size", "counts", "losses"}
        assert found["package_id"] == packed["package_id"]
        assert set(found["counts"]) >= {"instances", "documents", "lost"}
    assert packed["size"] == verified["size"] == package.stat().st_size
    assert verified["verified"] is True
    assert (work / "code").read_text().strip() not in made.stdout + made.stderr
    for loss in packed["losses"]:
        assert set(loss) >= LOSS
        assert all(set(lost) >= LOST for lost in loss["instances"])


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        (("version",), "emix.version/1"),
        (("config", "list"), "emix.config/1"),
        (("keys", "show"), "emix.keys/1"),
        (("doctor", "--offline"), "emix.doctor/1"),
    ],
)
def test_others(arguments: tuple[str, ...], schema: str, emix_here: Emix) -> None:
    document(emix_here(*arguments, "--json"), schema)

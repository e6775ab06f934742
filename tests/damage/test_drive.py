"""The damage oracle on block devices that give errors, by FUSE and loop devices of the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from emixcli.media.sources import open_source
from tests.damage.discs import KINDS, Disc, damage, make
from tests.damage.oracle import judge
from tests.faultdrive import MISSING, bad_drive

pytestmark = pytest.mark.skipif(
    bool(MISSING),
    reason=f"needs {', '.join(MISSING)}; the same damage runs in process (test_oracle.py)",
)


@pytest.fixture(scope="module", params=KINDS)
def disc(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Disc:
    return make(request.param, tmp_path_factory.mktemp("disc") / "made")


@pytest.mark.parametrize("seed", range(1000, 1005))
def test_what_is_lost_is_told_and_the_rest_is_saved(disc: Disc, seed: int, tmp_path: Path) -> None:
    bad = damage(disc, seed)
    (tmp_path / "disc.iso").write_bytes(disc.data)
    with bad_drive(tmp_path / "disc.iso", bad, tmp_path) as device:
        judge(disc, bad, lambda: open_source(device), tmp_path / "saved")

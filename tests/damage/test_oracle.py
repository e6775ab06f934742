"""500 random damages to discs of five kinds: all losses are told, all else comes out bit for bit.

The bad sectors come from the in-process faulty medium (`tests/faulty.py`); `test_drive.py` does the
same on block devices that give errors, where the machine has them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from emixcli.media.disc.sectors import SectorBytes
from emixcli.media.sources.disc import DiscSource
from tests.damage.discs import KINDS, Disc, damage, make
from tests.damage.oracle import judge
from tests.faulty import FaultyBytes

N_SEEDS = 100


@pytest.fixture(scope="module", params=KINDS)
def disc(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Disc:
    return make(request.param, tmp_path_factory.mktemp("disc") / "made")


@pytest.mark.parametrize("seed", range(N_SEEDS))
def test_what_is_lost_is_told_and_the_rest_is_saved(disc: Disc, seed: int, tmp_path: Path) -> None:
    bad = damage(disc, seed)
    judge(
        disc,
        bad,
        lambda: DiscSource(SectorBytes(FaultyBytes(disc.data, bad))),
        tmp_path / "saved",
    )


def test_a_disc_without_damage(disc: Disc, tmp_path: Path) -> None:
    content = FaultyBytes(disc.data)
    verdict = judge(
        disc, content.faults, lambda: DiscSource(SectorBytes(content)), tmp_path / "saved"
    )
    assert verdict is not None
    assert verdict.saved.is_whole
    assert set(verdict.names.values()) == set(disc.files)

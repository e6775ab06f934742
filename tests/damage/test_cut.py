"""Images that end too early: every file that exists is found, and what is beyond is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from emixcli.media.disc.ranges import Ranges
from emixcli.media.sources import open_source
from emixcli.services.salvage import document, salvage
from tests.damage.discs import KINDS, Disc, make
from tests.damage.oracle import zeroed


@pytest.fixture(scope="module", params=KINDS)
def disc(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Disc:
    return make(request.param, tmp_path_factory.mktemp("disc") / "made")


@pytest.mark.parametrize("keep", [0.6, 0.8, 0.95])
def test_every_file_that_exists_is_found(disc: Disc, keep: float, tmp_path: Path) -> None:
    places = sorted(places[0] for places in disc.places.values())
    start, stop = places[int(len(places) * keep)]
    size = (start + stop) // 2  # in the middle of a file
    image = tmp_path / "cut.iso"
    image.write_bytes(disc.data[:size])
    gone = Ranges([(size, len(disc.data))])
    begins = {places[0][0]: name for name, places in disc.places.items()}
    source = open_source(str(image))
    names = {
        file.path: begins[source.extents(file.path)[0][0]] for file in source.iter_files()
    }  # fmt: skip
    source.close()
    saved = salvage([str(image)], tmp_path / "saved")
    paths = {name: path for path, name in names.items()}
    for name in disc.files.keys() - disc.damaged(gone):
        assert (tmp_path / "saved/files" / paths[name]).read_bytes() == disc.files[name]
    told = document(saved)
    lost = {names[one["path"]] for one in told["losses"]}
    assert lost == disc.damaged(gone) & set(names.values())
    for copy in (tmp_path / "saved/damaged").rglob("IM*"):
        name = names[copy.relative_to(tmp_path / "saved/damaged").as_posix()]
        assert copy.read_bytes() == zeroed(disc.files[name], disc.lost(name, gone))
    assert {"M02", "M04"} & {one["code"] for one in told["findings"]}
    assert not saved.is_whole

"""The sample CD, made once for all tests of this folder."""

from pathlib import Path

import pytest

from emixcli.demo.cd import SampleCd, write_sample_cd


@pytest.fixture(scope="session")
def sample_cd(tmp_path_factory: pytest.TempPathFactory) -> SampleCd:
    return write_sample_cd(tmp_path_factory.mktemp("cd") / "sample.iso")


@pytest.fixture(scope="session")
def sample_tree(sample_cd: SampleCd, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the CD as another program sees them: pycdlib, by the Joliet names."""
    import pycdlib

    root = tmp_path_factory.mktemp("tree")
    image = pycdlib.PyCdlib()
    image.open(str(sample_cd.path))
    try:
        for folder, _, names in image.walk(joliet_path="/"):
            place = root / folder.lstrip("/")
            place.mkdir(parents=True, exist_ok=True)
            for name in names:
                target = place / name.partition(";")[0]
                image.get_file_from_iso(str(target), joliet_path=f"{folder.rstrip('/')}/{name}")
    finally:
        image.close()
    return root

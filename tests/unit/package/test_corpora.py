"""Every DICOM file at hand goes through scan, pack and unpack bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import warnings
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pydicom
import pytest
from pydicom.data import get_testdata_file

from emixcli.container.deep_luts import add_luts
from emixcli.container.encoding import from_base64url
from emixcli.container.sink import FileSink
from emixcli.container.verify import iter_index_instances, verify
from emixcli.media.scan import scan_media
from emixcli.model import FileSet
from emixcli.package import PackageReader, open_package
from tests.unit.package.building import pack_to

ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("EMIX_SHARED", ROOT.parent / "shared"))
_found = get_testdata_file("CT_small.dcm")
PYDICOM = Path(str(_found)).parent
CORPORA = {"pydicom": PYDICOM, "corpora": SHARED / "corpora" / "dicom"}


@pytest.fixture(scope="module", params=list(CORPORA))
def packed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FileSet, PackageReader, Path]]:
    folder = CORPORA[request.param]
    if not folder.is_dir():
        pytest.skip(f"{request.param} is not here; set EMIX_SHARED")
    file_set = scan_media([str(folder)])
    path = tmp_path_factory.mktemp("packed") / "package.emix.html"
    with FileSink(path) as sink:
        key = pack_to(sink, file_set)
    with open_package(path, key=key) as package:
        yield file_set, package, folder


def test_every_instance_comes_out_bit_for_bit(
    packed: tuple[FileSet, PackageReader, Path],
) -> None:
    file_set, package, folder = packed
    fields = {found["entry"]: found for found in iter_index_instances(package.index)}
    names = [name for name in package.manifest.entries if name.startswith("DICOM/")]
    instances = list(file_set.iter_instances())
    assert len(names) == len(instances) > 100
    for name, instance in zip(names, instances, strict=True):
        assert package.read(name) == (folder / instance.path).read_bytes()
        assert fields[name].get("uid", "") == instance.text("SOPInstanceUID")
    assert not package.manifest.losses


def test_whole_check_and_schemas(packed: tuple[FileSet, PackageReader, Path]) -> None:
    _, package, _ = packed
    verified = verify(package)
    assert verified.n_entries == len(package.directory.entries)
    documents = {"index": package.index, "manifest": json.loads(package.manifest_bytes)}
    for name, document in documents.items():
        schema = resources.files("emixcli.container").joinpath(f"{name}.schema.json")
        jsonschema.Draft202012Validator(json.loads(schema.read_text("utf-8"))).validate(document)


def test_frames_are_listed_for_multi_frame_objects(
    packed: tuple[FileSet, PackageReader, Path],
) -> None:
    _, package, _ = packed
    for fields in iter_index_instances(package.index):
        if fields.get("frames", 1) > 1:
            frames = package.entry(fields["entry"]).frames
            deflated = "deflated_from" in fields
            assert deflated or 0 < len(frames) <= fields["frames"], fields["entry"]
            assert package.entry(fields["entry"]).stored


def test_nothing_is_lost_without_a_word(packed: tuple[FileSet, PackageReader, Path]) -> None:
    """Every file of the medium is packed, counted as something else, or named in a finding."""
    file_set, package, _ = packed
    n_packed = sum(1 for _ in file_set.iter_instances())
    kept = {instance.path for instance in file_set.iter_instances()}
    lost = [one for one in file_set.unreadable if one.path not in kept]
    doubles = sum(f.count for f in file_set.findings if f.code in {"C03", "C04"})
    n_known = n_packed + len(lost) + file_set.n_other + len(file_set.documents) + doubles
    assert n_known == file_set.n_files
    assert package.manifest.counts["instances"] == n_packed


def test_non_images_are_text_or_say_why(packed: tuple[FileSet, PackageReader, Path]) -> None:
    _, package, _ = packed
    kinds = Counter(fields["kind"] for fields in iter_index_instances(package.index))
    assert kinds["image"] > 50
    assert kinds["text"] > 20
    for fields in iter_index_instances(package.index):
        if fields["kind"] == "text":
            assert fields["text"]


@pytest.mark.parametrize("tool", [["dcmdump", "-q"], ["dcdirdmp"], ["dciodvfy"]])
def test_other_tools_accept_the_dicomdir(
    packed: tuple[FileSet, PackageReader, Path], tmp_path: Path, tool: list[str]
) -> None:
    _, package, _ = packed
    path = tmp_path / "DICOMDIR"
    path.write_bytes(package.read("DICOMDIR"))
    done = subprocess.run([*tool, str(path)], capture_output=True, text=True, check=False)
    # UIDs are those of the objects, right or wrong
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    about_uids = (" UI ", "Illegal root", "invalid data values for Value Representations")
    assert not [line for line in errors if not any(part in line for part in about_uids)]
    assert done.returncode == 0 or errors


def segmented() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted((PYDICOM.parent / "palettes").glob("*.dcm")):
            yield pytest.param(pydicom.dcmread(path), id=path.stem)


@pytest.mark.parametrize("dataset", list(segmented()))
def test_segmented_palettes_are_expanded_as_pydicom_does(dataset: pydicom.Dataset) -> None:
    from pydicom.pixels.processing import _expand_segmented_lut

    fields: dict[str, Any] = {}
    add_luts(dataset, fields)
    for colour in ("Red", "Green", "Blue"):
        raw = from_base64url(fields["luts"]["palette"][colour.lower()]["data"])
        values = [int.from_bytes(raw[at : at + 2], "little") for at in range(0, len(raw), 2)]
        data = dataset.get(f"Segmented{colour}PaletteColorLookupTableData")
        if data is None:
            assert len(values) == 256
        else:
            assert values == list(_expand_segmented_lut(tuple(data), "B"))[: len(values)]

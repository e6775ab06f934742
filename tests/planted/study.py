"""The whole planted study, and how to look for what survived."""

from __future__ import annotations

import io
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import FileDataset
from pydicom.fileset import FileSet

from tests.planted import common, documents, edges, frames, images, streams, texts, therapy
from tests.planted.ledger import Clause, Ledger, Plant, Reference, forms

#: Objects that hold text in their pixels or documents, and are refused unless cleaned or accepted.
RISKY = frozenset({"SC/IM0001", "US/IM0001"})
#: Objects that need not be valid.
ODD = "EDGE/"


@dataclass(frozen=True)
class PlantedStudy:
    """Files by relative path, and all that is planted in them.

    Parameters
    ----------
    uids
        Every UID that was made for the study; none may be in an output.
    """

    files: Mapping[str, bytes]
    plants: tuple[Plant, ...]
    references: tuple[Reference, ...]
    uids: frozenset[str]
    burned: tuple[images.Burned, ...] = ()

    def write(self, folder: Path) -> Path:
        """Write the files below a folder; return it."""
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder


def write_medium(study: PlantedStudy, folder: Path) -> dict[str, Path]:
    """Write the study as a disc whose names tell the patient's, with a DICOMDIR.

    Returns
    -------
    files
        Path by the study's own relative name.
    """
    first = read(study.files["CT/IM0001"])
    family, given, *_ = str(first.PatientName).split("^")
    root = folder / f"{family}_{given}" / str(first.PatientID)
    paths = {}
    for name, data in study.files.items():
        path = root / f"{family}-{name.replace('/', '-')}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        paths[name] = path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        directory = FileSet()
        for name in study.files:
            if not name.startswith(ODD):
                directory.add(paths[name])
        directory.write(folder / "DISC", use_existing=False)
        directory._stage["t"].cleanup()  # else it warns when it is collected
    return paths


@dataclass
class _Build:
    ledger: Ledger
    files: dict[str, bytes] = field(default_factory=dict)

    def keep(self, ds: FileDataset) -> None:
        self.files[self.ledger.file] = common.to_bytes(ds)


def build(seed: int = 1, *, slices: int = 80) -> PlantedStudy:
    """Return the study of a seed; nothing but the seed and the number of slices decides it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of values that are wrong on purpose
        return _build(Ledger(seed), slices)


def _build(ledger: Ledger, slices: int) -> PlantedStudy:
    work = _Build(ledger)
    ct = images.ct_series(ledger, slices)
    for number, image in enumerate(ct, 1):
        work.files[f"CT/IM{number:04}"] = common.to_bytes(image)
    makers: tuple[Callable[[Ledger, list[FileDataset]], FileDataset], ...] = (
        images.segmentation, documents.structured_report, documents.key_objects,
        documents.presentation_state, documents.encapsulated_pdf, documents.encapsulated_cda,
        therapy.structure_set, therapy.electrocardiogram,
    )  # fmt: skip
    for make in makers:
        work.keep(make(ledger, ct))
    burned: list[images.Burned] = []
    for paint in (images.secondary_capture, images.ultrasound):
        ds, text = paint(ledger, ct)
        burned += text
        work.keep(ds)
    for edge in (*edges.EDGES, *texts.EDGES, *streams.EDGES, *frames.EDGES):
        ledger.file = ODD + edge.name
        work.files[ledger.file] = edge.make(ledger, ct[0])
    return PlantedStudy(
        files=work.files,
        plants=tuple(ledger.plants),
        references=tuple(ledger.references),
        uids=frozenset(ledger.uids),
        burned=tuple(burned),
    )


# -- what survived -------------------------------------------------------------------------------


def inflated(data: bytes) -> bytes:
    """Return the file with a deflated data set inflated after it."""
    try:
        ds = dcmread(io.BytesIO(data[:4096]), stop_before_pixels=True, specific_tags=[])
        syntax = ds.file_meta.TransferSyntaxUID
        start = 132 + 12 + ds.file_meta.FileMetaInformationGroupLength
    except Exception:  # noqa: BLE001 - whatever it is, the bytes are searched as they are
        return data
    if syntax.is_deflated:
        return data + zlib.decompressobj(-15).decompress(data[start:])
    return data


def survivors(study: PlantedStudy, outputs: Mapping[str, bytes]) -> list[Plant]:
    """Return the plants that stand in the outputs, by bytes alone.

    Parameters
    ----------
    outputs
        New bytes by the old relative path.
    """
    texts_ = {name: inflated(data).lower() for name, data in outputs.items()}
    everything = b"\xff\xff".join(texts_.values())
    found = []
    for plant in study.plants:
        own = plant.rule in {Clause.REPEATED, Clause.UID_IN_TEXT}
        where = texts_.get(plant.file, b"") if own else everything
        if plant.needles:
            alive = any(form in where for needle in plant.needles for form in forms(needle))
        else:
            alive = any(_holds(data, plant) for data in _chosen(plant, outputs))
        if alive:
            found.append(plant)
    return found


def _chosen(plant: Plant, outputs: Mapping[str, bytes]) -> Iterable[bytes]:
    if plant.file == "*":
        return outputs.values()
    return [outputs[plant.file]] if plant.file in outputs else []


def _holds(data: bytes, plant: Plant) -> bool:
    return any(
        str(element.value) == plant.value
        for element in elements(read(data))
        if element.tag == plant.tag
    )


def read(data: bytes) -> FileDataset:
    """Read a file with pydicom, which may warn as it likes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dcmread(io.BytesIO(data), force=True)


def elements(ds: Dataset) -> Iterator[DataElement]:
    """Yield every element, nested ones too."""
    for item in ds:
        yield item
        if item.VR == "SQ":
            for inner in item.value:
                yield from elements(inner)


@dataclass(frozen=True)
class Links:
    """How the references of the input fare in the output."""

    kept: int
    dangling: tuple[Reference, ...]
    gone: tuple[Reference, ...]


def follow(study: PlantedStudy, outputs: Mapping[str, bytes]) -> Links:
    """Count the references that name the renamed object.

    The new UIDs are read from the outputs at the places where the old ones stood.
    """
    new = _renamed(study, outputs)
    kept, dangling, gone = 0, [], []
    cache = {name: read(data) for name, data in outputs.items()}
    for reference in study.references:
        value = _value_at(cache.get(reference.file), reference.path)
        if value is None:
            gone.append(reference)
        elif value == new.get(reference.uid):
            kept += 1
        else:
            dangling.append(reference)
    return Links(kept, tuple(dangling), tuple(gone))


#: Elements that define a UID, rather than refer to it.
_DEFINING = (
    (0x00080018,), (0x0020000D,), (0x0020000E,), (0x00200052,), (0x00209221, 0, 0x00209164),
)  # fmt: skip


def _renamed(study: PlantedStudy, outputs: Mapping[str, bytes]) -> dict[str, str]:
    new: dict[str, str] = {}
    for name, data in outputs.items():
        if name.startswith(ODD):
            continue
        before, after = read(study.files[name]), read(data)
        for path in _DEFINING:
            old, now = _value_at(before, path), _value_at(after, path)
            if old and now:
                new.setdefault(old, now)
    return new


def _value_at(ds: Dataset | None, path: tuple[int, ...]) -> str | None:
    here: Any = ds
    for step, number in enumerate(path):
        try:
            here = here[number].value if step % 2 == 0 else here[number]
        except (KeyError, IndexError, TypeError):
            return None
    return None if here is None else str(here)


__all__ = ["Links", "PlantedStudy", "build", "follow", "survivors"]

"""A sown study: several patients in several scripts, and what became of them."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydicom import Dataset, config, dcmread
from pydicom.multival import MultiValue

from tests.sown import documents, images
from tests.sown.common import Patient
from tests.sown.ledger import Ledger, Person, Sown

#: Character sets by script.
CHARSETS: dict[str, str | list[str]] = {
    "latin": "ISO_IR 192", "cyrillic": "ISO_IR 144", "greek": "ISO_IR 126", "han": "GB18030",
    "hangul": ["", "ISO 2022 IR 149"], "kana": ["", "ISO 2022 IR 87"],
}  # fmt: skip
Path = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class SownStudy:
    """Files by name, and all that was sown."""

    files: Mapping[str, bytes]
    sown: tuple[Sown, ...]


def build(seed: int, scripts: tuple[str, ...]) -> SownStudy:
    """Return the study of a seed with a patient for each script."""
    ledger = Ledger(seed)
    files: dict[str, bytes] = {}
    with _anything_goes():
        for script in scripts:
            files |= _patient(ledger, script)
    return SownStudy(files, tuple(ledger.sown))


@contextlib.contextmanager
def _anything_goes() -> Iterator[None]:
    """Let pydicom write what is wrong on purpose."""
    before = config.settings.writing_validation_mode, config.replace_un_with_known_vr
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config.settings.writing_validation_mode = config.IGNORE
        config.replace_un_with_known_vr = False
        try:
            yield
        finally:
            config.settings.writing_validation_mode, config.replace_un_with_known_vr = before


def _patient(ledger: Ledger, script: str) -> dict[str, bytes]:
    family, given = ledger.foreign(script), ledger.foreign(script)
    written = f"{family}^{given}"
    if script in {"han", "hangul", "kana"}:
        written = f"{ledger.word()}^{ledger.word()}={written}"
    number = f"{ledger.word()[:3]}-{ledger.number()}"
    names = (family, given)
    person = Person(script, CHARSETS[script], names, written, number, ledger.day())
    uids = (ledger.uid(), ledger.uid(), ledger.uid())
    patient = Patient(ledger, person, *uids, ledger.number(9), f"{ledger.day():%Y%m%d}")
    ledger.script = script
    images.known(ledger, patient)
    images.series(patient)
    images.multiframe(patient)
    images.others(patient)
    for make in documents.MAKERS:
        make(patient)
    return patient.files


def read(data: bytes) -> Dataset:
    """Return a file as pydicom reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dcmread(io.BytesIO(data), force=True)


def iter_uids(ds: Dataset, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield each UID with its place: tags with numbers of items or values."""
    for element in ds:
        if element.tag.is_private:
            continue
        if element.VR == "SQ":
            for number, one in enumerate(element.value):
                yield from iter_uids(one, (*path, (int(element.tag), number)))
        elif element.VR == "UI" and element.value:
            many = isinstance(element.value, list | MultiValue)
            for number, uid in enumerate(element.value if many else [element.value]):
                yield (*path, (int(element.tag), number)), str(uid)


#: Elements that name an object, its series, its study and its frame of reference.
_OWN = (0x00080018, 0x0020000D, 0x0020000E, 0x00200052)


@dataclass(frozen=True)
class Links:
    """How many references name what their object is called now, and which do not."""

    kept: int
    broken: tuple[str, ...]


def follow(study: SownStudy, outputs: Mapping[str, bytes]) -> Links:
    """Compare every UID below the top level with what its object is called now."""
    now: dict[str, str] = {}
    pairs = [(read(study.files[name]), read(data), name) for name, data in outputs.items()]
    for before, after, _ in pairs:
        for tag in _OWN:
            if tag in before and tag in after:
                now[str(before[tag].value)] = str(after[tag].value)
    kept, broken = 0, []
    for before, after, name in pairs:
        found = dict(iter_uids(after))
        for path, uid in iter_uids(before):
            if len(path) == 1 or uid not in now:
                continue
            if found.get(path) == now[uid]:
                kept += 1
            else:
                broken.append(f"{name}: {path}")
    return Links(kept, tuple(broken))

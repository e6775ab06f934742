"""Small studies of made-up people with plausible names and numbers, also awkward ones."""

from __future__ import annotations

import random
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import BasicTextSRStorage, UltrasoundMultiFrameImageStorage

from tests import builders

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = (
    "Ng^Bo", "An^Li", "Day^May", "Head^Grace", "Long^Art", "Frame^Victor", "Young^Max", "Body^Ann",
    "Siemens^Werner", "Philips^Anna", "Li^Po", "Ek^Bo", "X", "O", "Doe^J", "White^Rose", "Stone^Al",
    "Mueller-Groess^Joerg", "Müller^Jörg", "Łukasik^Paweł", "Jørgensen^Søren", "Đorđević^Đorđe",
    "Nguyễn^Thị Hoa", "García Márquez^José", "O'Brien^Seán", "van der Meer^Jan", "D'Arcy^Fitz",
    "Wang^XiaoDong=王^小东", "Yamada^Tarou=山田^太郎=やまだ^たろう", "Kim^Minjun=김^민준", "林^健",
    "Иванов^Пётр", "Παπαδόπουλος^Νίκος", "Øst^Åse", "Groß^Weiß", "Smith^John^Q^Dr^Jr", "Bone^Tara",
    "Standard^Kim", "Contrast^Lou", "March^April", "August^June", "Ultrasound^Una", "Sagittal^Sy",
    "Zabelka^Jindrich", "Vondracek^Ottokar", "Adeyemi^Chukwuemeka", "Null^Norma", "Test^Tess",
)  # fmt: skip
_IDS = (
    "1", "12", "123", "12345", "A1", "0", "00000001", "19610312", "20240501", "123456", "4711",
    "1234567890", "078-05-1120", "QX-0048117-K", "MRN 55 12", "HEAD", "CT", "1.2.3", "3.14159",
    "512", "1024", "101500", "943 476 5919", "AB12CD34",
)  # fmt: skip
_PLACES = (
    "Hospital", "Klinikum Zabelsdorf Nord", "St. Grünschnabel", "CT", "University", "GE", "A",
    "SIEMENS", "Radiology", "General Hospital", "市民病院", "MRI Center", "1", "Head Clinic",
)  # fmt: skip
_SEXES = ("M", "F", "O", "")


@dataclass(frozen=True)
class Person:
    """Who is in a study, and around it."""

    name: str
    patient_id: str
    birth_date: str
    accession: str
    study_id: str
    institution: str
    physician: str
    operator: str

    def names(self) -> list[str]:
        """Return all that are names."""
        return [self.name, self.physician, self.operator]


def draw(chance: random.Random) -> Person:
    """Return somebody."""
    year, month, day = chance.randint(1930, 2023), chance.randint(1, 12), chance.randint(1, 28)
    return Person(
        chance.choice(_NAMES),
        _number(chance),
        f"{year}{month:02}{day:02}",
        _number(chance),
        _number(chance),
        chance.choice(_PLACES),
        chance.choice(_NAMES),
        chance.choice(_NAMES),
    )


def _number(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return chance.choice(_IDS)
    return str(chance.randrange(10 ** chance.randint(1, 11)))


def write(folder: Path, person: Person, chance: random.Random) -> int:
    """Write the objects of a study; return how many."""
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [*_ct(person, chance), _ultrasound(person, chance), _report(person)]
        chance.shuffle(made)
        for number, ds in enumerate(made):
            builders.write(ds, folder / f"IM{number}")
    return len(made)


def _identity(person: Person) -> dict[str, object]:
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": person.name, "PatientID": person.patient_id,
        "PatientBirthDate": person.birth_date, "AccessionNumber": person.accession,
        "StudyID": person.study_id, "InstitutionName": person.institution,
        "ReferringPhysicianName": "",
    }  # fmt: skip


def _technical(person: Person, chance: random.Random) -> dict[str, object]:
    """Text as devices write it, in which names of the study may be by chance or not."""
    word = chance.choice([person.name, person.physician, person.operator, "axial^head"])
    word = chance.choice([part for part in word.replace("=", "^").split("^") if part])
    return {
        "SoftwareVersions": chance.choice(["syngo CT VA48A", f"set by {word}", "3.1.4", word]),
        "Manufacturer": chance.choice(["SIEMENS", "Philips", "GE MEDICAL SYSTEMS"]),
        "ManufacturerModelName": chance.choice(["SOMATOM Force", "Ingenia", "Revolution"]),
        "ConvolutionKernel": chance.choice(["Br40f\\3", "STANDARD", "BONE", f"K {word}"[:16]]),
        "ScanOptions": "HELICAL", "BodyPartExamined": "HEAD", "PatientPosition": "HFS",
        "SeriesDescription": "Head long axis standard", "ProtocolName": "Day 1 young",
        "ContentLabel": "STONE", "InstanceNumber": chance.choice(["1", "12345", "4711"]),
        "SliceLocation": "-512.123456", "TriggerTime": "123456", "HeartRate": "72",
        "AcquisitionTime": "101500.123456", "ExposureTime": "1024",
    }  # fmt: skip


def _ct(person: Person, chance: random.Random) -> list[FileDataset]:
    made: list[FileDataset] = []
    for number in (1, 2, 3):
        extra = {**_identity(person), **_technical(person, chance)}
        extra["ImageType"] = "ORIGINAL\\PRIMARY\\AXIAL"
        if number == 1:
            extra["ReferringPhysicianName"] = person.physician
        if number == 2:
            extra["OperatorsName"] = person.operator
        ds = builders.instance(number=number, rows=64, columns=64, extra=extra)
        ds.PixelData = chance.randbytes(len(ds.PixelData))
        made.append(ds)
    return made


def _ultrasound(person: Person, chance: random.Random) -> FileDataset:
    extra = {**_identity(person), **_technical(person, chance), "BurnedInAnnotation": "NO"}
    extra["Modality"] = "US"
    ds = builders.instance(number=1, series=2, rows=64, columns=64, frames=3, extra=extra)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    # Dark pixels: the bytes of digits.
    ds.PixelData = bytes(chance.randrange(0x2F, 0x3B) for _ in range(len(ds.PixelData)))
    return ds


def _report(person: Person) -> FileDataset:
    ds = builders.instance(number=1, series=3, extra={**_identity(person), "Modality": "SR"})
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated"):
        del ds[keyword]
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
    item = Dataset()
    item.RelationshipType, item.ValueType = "HAS OBS CONTEXT", "PNAME"
    item.ConceptNameCodeSequence = [_code("121008", "Person Observer Name")]
    item.PersonName = person.operator
    said = Dataset()
    said.RelationshipType, said.ValueType = "CONTAINS", "TEXT"
    said.ConceptNameCodeSequence = [_code("121071", "Finding")]
    said.TextValue = f"{person.name.split('=')[0]} seen by {person.physician}: head normal"
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [_code("121070", "Findings")]
    ds.ContentSequence = [item, said]
    return ds


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code

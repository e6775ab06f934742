"""Images: a CT series each of whose slices hides something else, and one of each other kind."""

from __future__ import annotations

from collections.abc import Callable

from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tests.sown.common import (
    CT,
    Patient,
    even,
    geometry,
    implicit_item,
    new,
    pixels,
    private,
    save,
    unread,
    write,
)
from tests.sown.ledger import Kind, Ledger, Rule
from tests.sown.spec import (
    DAY,
    FREE,
    LABEL,
    LOCAL,
    MOMENT,
    NAME,
    NUMBER,
    UID,
    WORD,
    code,
    fill,
    item,
    refer,
)

#: How people write days.
DAYS = (
    "%d.%m.%y", "%d.%m.%Y", "%Y-%m-%d", "%Y/%m/%d", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y",
    "%d/%m/%y", "%Y%m%d", "%Y.%m.%d", "%d. %m. %Y", "%B %d %Y",
)  # fmt: skip


def odd(patient: Patient, ds: Dataset) -> None:
    """Values of the patient where technique stands, and text outside of the table."""
    who = patient.person
    fill(patient.ledger, ds, {
        "SoftwareVersions": [
            f"VA {who.id}", f"b {who.birth:%d.%m.%Y}", f"c {who.names[0]}", f"d {who.names[1]}",
        ],
        "ViewCodeSequence": [code("R-10224", "SRT") | {"ViewModifierCodeSequence": [code()]}],
        "AnatomicRegionSequence": [code("T-D3000", "SRT", f"Chest {who.names[0]}")],
        "AcquisitionContextSequence": [
            {"ValueType": "TEXT", "ConceptNameCodeSequence": [code()], "TextValue": WORD},
            {"ValueType": "DATE", "ConceptNameCodeSequence": [code()], "Date": DAY},
            {"ValueType": "PNAME", "ConceptNameCodeSequence": [code()], "PersonName": NAME},
        ],
        "ImageComments": UID.within("from {} of chest"), "DerivationDescription": WORD,
        "ContentCreatorName": NAME, "ScanOptions": ["HELIX", LABEL.free()], "SequenceName": FREE,
        "ContrastBolusAgent": WORD, "WindowCenterWidthExplanation": FREE, "WindowCenter": "40",
        "WindowWidth": "400",
        "ContributingEquipmentSequence": [{
            "Manufacturer": "X", "InstitutionName": WORD, "StationName": WORD,
            "ContributionDescription": WORD, "ContributionDateTime": MOMENT,
            "PurposeOfReferenceCodeSequence": [code("109101", "DCM", "Acquisition Equipment")],
        }],
        "InstitutionCodeSequence": [code(meaning=WORD)],
    })  # fmt: skip
    ds.add_new(0x00980001, "LO", patient.ledger.text("unknown even group"))
    ds.add_new(0x00101F99, "LT", patient.ledger.text("unknown element of group 0010"))


def wrong_vr(patient: Patient, ds: Dataset) -> None:
    """Elements whose VR is not that of the dictionary."""
    ledger = patient.ledger
    ds.add_new(0x00104000, "UN", unread(ledger.text("comments as UN", Rule.TABLE)))
    ds.add_new(0x00102160, "LO", ledger.text("ethnic group as LO", Rule.TABLE))
    ds.add_new(0x00081070, "UT", ledger.text("operator as UT", Rule.TABLE))
    purpose = implicit_item((0x00080104, even(ledger.text("purpose in UN", Rule.FREE))))
    image = implicit_item(
        (0x00081150, even(CT)), (0x00081155, even(patient.images[1][1])), (0x0040A170, purpose)
    )
    ds.add_new(0x00081140, "UN", image)
    request = implicit_item(
        (0x00100010, even(ledger.text("name in UN", Rule.TABLE))),
        (0x00321060, even(ledger.text("procedure in UN", Rule.TABLE))),
    )
    ds.add_new(0x00400275, "UN", request)


def layers(patient: Patient, ds: Dataset) -> None:
    """Icon, overlay, curve, signature, encrypted attributes."""
    ledger = patient.ledger
    icon = pixels(Dataset(), ledger, rows=8, columns=8, bits=8)
    icon.PixelData = unread(ledger.text("icon")).ljust(64, b"\1")
    ds.IconImageSequence = [icon]
    ds.add_new(0x60000010, "US", 16)
    ds.add_new(0x60000011, "US", 16)
    ds.add_new(0x60000022, "LO", ledger.text("overlay description", Rule.FREE))
    ds.add_new(0x60003000, "OW", unread(ledger.text("overlay", Rule.TABLE)).ljust(32, b"\0"))
    ds.add_new(0x60004000, "LT", ledger.text("overlay comments", Rule.TABLE))
    ds.add_new(0x601E3000, "OW", unread(ledger.text("last overlay", Rule.TABLE)))
    ds.add_new(0x50000022, "LO", ledger.text("curve description", Rule.TABLE))
    ds.add_new(0x50003000, "OW", unread(ledger.text("curve", Rule.TABLE)))
    fill(ledger, ds, {"DigitalSignaturesSequence": [{
        "MACIDNumber": 1, "DigitalSignatureUID": UID, "DigitalSignatureDateTime": MOMENT,
        "CertificateOfSigner": unread(ledger.text("signer", Rule.TABLE)), "Signature": b"1234",
    }]})  # fmt: skip
    ds.add_new(0xFFFCFFFC, "OB", unread(ledger.text("trailing padding")))


def deep(patient: Patient, ds: Dataset) -> None:
    """Sequences in sequences."""
    ledger = patient.ledger
    inner = item(ledger, {"CodeMeaning": FREE, "PatientName": NAME, "StudyDate": DAY}, "deep")
    for level in range(30):
        if level % 2:
            inner = item(ledger, code("1", "99D", "a") | {"EquivalentCodeSequence": [inner]})
        else:
            purpose = {"PurposeOfReferenceCodeSequence": [inner]}
            inner = item(ledger, refer(patient.images[0]) | purpose)
    ds.SourceImageSequence = [inner]


def texts(patient: Patient, ds: Dataset) -> None:
    """Days, UIDs and numbers in text that is kept."""
    ledger = patient.ledger
    explained = []
    for form in DAYS:
        day = ledger.day()
        ledger.sow(f"LUTExplanation {form}", day.isoformat(), Kind.DAY, Rule.FREE)
        explained.append(f"on {day.strftime(form)}")
    explained += [
        f"u {ledger.sow('LUTExplanation UID', uid, Kind.UID, Rule.FREE)}"
        for uid in (f"2.25.{ledger.number(12)}", f"2.25.{ledger.number(30)}", ledger.uid())
    ]
    for form in ("MRN{}", "+49 {}", "http://a.example/{}"):
        number = ledger.sow("LUTExplanation", ledger.number(), Kind.NUMBER, Rule.FREE)
        explained.append(form.format(number))
    word = ledger.text("LUTExplanation mail", Rule.FREE).lower()
    explained += [f"{word}@b.example", f"http://{ledger.text('host', Rule.FREE).lower()}.example"]
    fill(ledger, ds, {
        "ModalityLUTSequence": [
            {"LUTDescriptor": [1, 0, 16], "LUTExplanation": text, "ModalityLUTType": "US",
             "LUTData": b"\0\0"} for text in explained
        ],
        "CodingSchemeIdentificationSequence": [{
            "CodingSchemeDesignator": "99L", "CodingSchemeName": FREE,
            "CodingSchemeUID": UID.free(),
            "CodingSchemeResponsibleOrganization": FREE,
        }],
        "ProcedureCodeSequence": [code(NUMBER, "99LOCAL")], "InstanceCreatorUID": UID,
        "ClinicalTrialSponsorName": WORD, "ClinicalTrialProtocolID": WORD,
        "ClinicalTrialSubjectID": NUMBER, "PatientAge": "093Y",
    })  # fmt: skip


def scripts(patient: Patient, ds: Dataset) -> None:
    """Items with character sets of their own."""
    ledger = patient.ledger
    made = []
    for charset, script, keyword in (
        ("ISO_IR 144", "cyrillic", "InstitutionName"), ("GB18030", "han", "StudyDescription"),
        ("ISO_IR 127", "arabic", "PatientComments"), ("ISO_IR 126", "greek", "SeriesDescription"),
    ):  # fmt: skip
        text = ledger.foreign(script)
        ledger.sow(f"{charset} {keyword}", text, Kind.TEXT, Rule.TABLE)
        spec = refer(patient.images[0]) | {"SpecificCharacterSet": charset, keyword: text}
        made.append(item(ledger, spec))
    for charset, script in (("ISO 2022 IR 149", "hangul"), ("ISO 2022 IR 87", "kana")):
        name = ledger.sow(f"{charset} name", ledger.foreign(script), Kind.TEXT, Rule.TABLE)
        spec = {"SpecificCharacterSet": ["", charset], "PatientName": f"Abc={name}"}
        made.append(item(ledger, refer(patient.images[0]) | spec))
    ds.SourceImageSequence = made


def behind_nul(patient: Patient, ds: Dataset) -> None:
    """Text behind the end of a value."""
    ds.StudyDescription = f"abc\0{patient.ledger.text('behind NUL')}"
    ds.PatientSex = f"F\0{patient.ledger.text('behind NUL in CS')}"


Hide = Callable[[Patient, Dataset], None]


def _private(patient: Patient, ds: Dataset) -> None:
    private(patient.ledger, ds)


#: What each slice hides, and its transfer syntax.
SLICES: tuple[tuple[str, tuple[Hide, ...]], ...] = (
    (ExplicitVRLittleEndian, ()), (ExplicitVRLittleEndian, (_private,)),
    (ExplicitVRLittleEndian, (odd,)), (ExplicitVRLittleEndian, (wrong_vr,)),
    (ExplicitVRLittleEndian, (layers,)), (ExplicitVRLittleEndian, (deep,)),
    (ExplicitVRLittleEndian, (texts,)), (ExplicitVRLittleEndian, (scripts,)),
    (ExplicitVRLittleEndian, (behind_nul,)), (ImplicitVRLittleEndian, (_private, odd, layers)),
    (DeflatedExplicitVRLittleEndian, (odd, _private)),
)  # fmt: skip


def series(patient: Patient) -> None:
    """Make the CT series, and what refers to it."""
    for number, (syntax, hidden) in enumerate(SLICES):
        ds = geometry(new(patient, "CT", CT, f"CT {number}", series=patient.series), number)
        pixels(ds, patient.ledger)
        ds.ImageType, ds.KVP = ["ORIGINAL", "PRIMARY", "AXIAL"], "120"
        before = patient.images[-3:] or [(CT, str(ds.SOPInstanceUID))]
        purpose = {"PurposeOfReferenceCodeSequence": [code("121322", "DCM")]}
        fill(patient.ledger, ds, {
            "ReferencedImageSequence": [refer(image) for image in before],
            "SourceImageSequence": [refer(before[0]) | purpose],
        })  # fmt: skip
        for hide in hidden:
            hide(patient, ds)
        patient.images.append(save(patient, ds, syntax))
    ds = pixels(geometry(new(patient, "CT", CT, "CT tail", series=patient.series)), patient.ledger)
    end = unread(patient.ledger.text("behind the end"))
    patient.put(f"{patient.person.script}/tail", write(patient, ds) + end)


def multiframe(patient: Patient) -> None:
    """Make enhanced CT and a segmentation."""
    ledger = patient.ledger
    ds = new(patient, "CT", "1.2.840.10008.5.1.4.1.1.2.1", "enhanced CT")
    pixels(ds, ledger, frames=2)
    evidence = [{"SeriesInstanceUID": patient.series,
                 "ReferencedSOPSequence": [refer(image) for image in patient.images]}]  # fmt: skip
    fill(ledger, ds, {
        "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "AcquisitionDateTime": MOMENT,
        "IrradiationEventUID": UID, "ConcatenationUID": UID, "TimeSource": FREE,
        "SynchronizationFrameOfReferenceUID": UID,
        "ReferencedImageEvidenceSequence": [
            {"StudyInstanceUID": patient.study, "ReferencedSeriesSequence": evidence}
        ],
        "SharedFunctionalGroupsSequence": [{
            "FrameAnatomySequence": [{
                "FrameLaterality": "U", "AnatomicRegionSequence": [code("T-1", "SRT")],
            }],
            "UnassignedSharedConvertedAttributesSequence": [
                {"PatientComments": WORD, "StudyDescription": WORD}
            ],
        }],
        "PerFrameFunctionalGroupsSequence": [{
            "FrameContentSequence": [{
                "FrameAcquisitionDateTime": MOMENT, "FrameComments": WORD, "FrameLabel": FREE,
            }],
            "UnassignedPerFrameConvertedAttributesSequence": [
                {"InstanceCreationDate": DAY, "InstanceCreatorUID": UID, "OperatorsName": NAME}
            ],
            "ConversionSourceAttributesSequence": [refer(image)],
        } for image in patient.images[:2]],
    })  # fmt: skip
    private(ledger, ds.PerFrameFunctionalGroupsSequence[0])
    save(patient, ds)
    _segmentation(patient)


def _segmentation(patient: Patient) -> None:
    ledger = patient.ledger
    ds = new(patient, "SEG", "1.2.840.10008.5.1.4.1.1.66.4", "SEG")
    pixels(ds, ledger, bits=8, frames=2)
    fill(ledger, ds, {
        "ContentLabel": LABEL, "ContentDescription": WORD, "ContentCreatorName": NAME,
        "SegmentSequence": [{
            "SegmentNumber": 1, "SegmentLabel": WORD, "SegmentDescription": LOCAL,
            "SegmentAlgorithmType": "AUTOMATIC", "SegmentAlgorithmName": FREE, "TrackingID": WORD,
            "TrackingUID": UID, "SegmentedPropertyTypeCodeSequence": [code()],
        }],
        "DimensionOrganizationSequence": [{"DimensionOrganizationUID": UID}],
        "DimensionIndexSequence": [{"DimensionDescriptionLabel": FREE}],
        "ReferencedSeriesSequence": [{
            "SeriesInstanceUID": patient.series,
            "ReferencedInstanceSequence": [refer(image) for image in patient.images],
        }],
        "PerFrameFunctionalGroupsSequence": [{
            "DerivationImageSequence": [{
                "DerivationDescription": WORD,
                "SourceImageSequence": [
                    refer(image) | {"PurposeOfReferenceCodeSequence": [code("1", "DCM")]}
                ],
            }],
            "FrameContentSequence": [{"FrameComments": WORD, "StackID": FREE}],
        } for image in patient.images[:2]],
    })  # fmt: skip
    save(patient, ds)


#: Of other kinds: modality, SOP class, samples per pixel, and what is sown beside.
KINDS: tuple[tuple[str, str, int, dict[str, object]], ...] = (
    ("MR", "1.2.840.10008.5.1.4.1.1.4", 1, {"SequenceName": FREE}),
    ("PT", "1.2.840.10008.5.1.4.1.1.128", 1, {"RadiopharmaceuticalInformationSequence": [
        {"Radiopharmaceutical": FREE, "RadiopharmaceuticalStartDateTime": MOMENT}]}),
    ("MG", "1.2.840.10008.5.1.4.1.1.1.2", 1, {
        "DetectorID": WORD, "PlateID": WORD, "DateOfLastDetectorCalibration": DAY}),
    ("NM", "1.2.840.10008.5.1.4.1.1.20", 1, {
        "EnergyWindowInformationSequence": [{"EnergyWindowName": FREE}]}),
    ("SM", "1.2.840.10008.5.1.4.1.1.77.1.6", 3, {
        "ContainerIdentifier": WORD, "BarcodeValue": WORD, "LabelText": WORD,
        "SpecimenDescriptionSequence": [{
            "SpecimenIdentifier": WORD, "SpecimenUID": UID, "SpecimenShortDescription": WORD,
        }],
        "OpticalPathSequence": [{"OpticalPathIdentifier": FREE, "OpticalPathDescription": FREE}]}),
    ("SC", "1.2.840.10008.5.1.4.1.1.7", 3, {
        "ConversionType": "WSD", "SecondaryCaptureDeviceID": WORD, "DateOfSecondaryCapture": DAY}),
)  # fmt: skip


def others(patient: Patient) -> None:
    """Make one image of each other kind."""
    for modality, sop_class, samples, spec in KINDS:
        ds = new(patient, modality, sop_class, modality)
        pixels(ds, patient.ledger, bits=8 if samples == 3 else 16, samples=samples, frames=1)
        save(patient, fill(patient.ledger, ds, spec))


def known(ledger: Ledger, patient: Patient) -> None:
    """Note what is known of a patient, and must stand nowhere."""
    who = patient.person
    ledger.object = f"{who.script} patient"
    for name in who.names:
        ledger.sow("name", name, Kind.TEXT, Rule.KNOWN)
    ledger.sow("ID", who.id, Kind.TEXT, Rule.KNOWN)
    ledger.sow("accession number", patient.accession, Kind.NUMBER, Rule.KNOWN)
    ledger.sow("birth date", who.birth.isoformat(), Kind.DAY, Rule.KNOWN)
    for uid in (patient.study, patient.series, patient.frame):
        ledger.sow("UID", uid, Kind.UID, Rule.KNOWN)

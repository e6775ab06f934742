"""Reports, presentation states, plans, waveforms and encapsulated documents."""

from __future__ import annotations

from typing import Any

from pydicom.uid import (
    RTDoseStorage,
    RTPlanStorage,
    RTStructureSetStorage,
)

from tests.sown.common import Patient, geometry, new, pdf, pixels, private, save, unread
from tests.sown.ledger import Rule
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

_SR = "1.2.840.10008.5.1.4.1.1.88.33"
_DAY, _MOMENT = "DATE", "DATETIME"


def node(
    kind: str, name: dict[str, Any], relation: str = "CONTAINS", **more: Any
) -> dict[str, Any]:
    """Return a content item."""
    return {
        "RelationshipType": relation,
        "ValueType": kind,
        "ConceptNameCodeSequence": [name],
        **more,
    }


def _said(patient: Patient) -> list[dict[str, Any]]:
    """Return the content of a report: one item of each kind."""
    who, images = patient.person, patient.images
    name = code("121", "DCM", "x")
    told = f"{{}} born {who.birth:%d.%m.%Y} {who.names[0]}"
    context = "HAS OBS CONTEXT"
    return [
        node("TEXT", code("121106", "DCM", "Comment"), TextValue=LOCAL.within(told),
             ObservationDateTime=MOMENT, ObservationUID=UID),
        node("PNAME", code("121008", "DCM", "Person Observer Name"), context, PersonName=NAME),
        node(_DAY, code("121110", "DCM", "Birth"), context, Date=f"{who.birth:%Y%m%d}"),
        node(_MOMENT, name, context, DateTime=MOMENT),
        node("UIDREF", code("121012", "DCM", "Device Observer UID"), context, UID=UID),
        node("TEXT", code("112039", "DCM", "Tracking Identifier"), TextValue=WORD),
        node("CODE", code(meaning=WORD), ConceptCodeSequence=[code(NUMBER, "99LOC", WORD)]),
        node("CODE", name, ConceptCodeSequence=[{
            "LongCodeValue": WORD, "CodingSchemeDesignator": "99X", "CodeMeaning": "z"}]),
        node("NUM", name, MeasuredValueSequence=[{
            "NumericValue": "12.5", "MeasurementUnitsCodeSequence": [code("mm", "UCUM")]}]),
        node("IMAGE", name, ReferencedSOPSequence=[refer(images[0])], ContentSequence=[
            node("SCOORD", name, "SELECTED FROM", GraphicType="POINT", GraphicData=[1.0, 2.0],
                 FiducialUID=UID)]),
        node("SCOORD3D", name, GraphicType="POINT", GraphicData=[1.0, 2.0, 3.0],
             ReferencedFrameOfReferenceUID=patient.frame),
        node("COMPOSITE", name, ReferencedSOPSequence=[refer(images[2])]),
    ]  # fmt: skip


def report(patient: Patient) -> None:
    """Make a structured report."""
    ledger = patient.ledger
    ds = new(patient, "SR", _SR, "SR")
    del ds.FrameOfReferenceUID
    inner = item(ledger, node("TEXT", code(), TextValue=WORD), "deep")
    for image in patient.images[:6]:
        shown = node("IMAGE", code("1", "DCM"), ReferencedSOPSequence=[refer(image)])
        inner = item(ledger, node("CONTAINER", code(meaning=WORD), ContinuityOfContent="SEPARATE",
                                  ContentSequence=[inner, item(ledger, shown)]))  # fmt: skip
    content = [item(ledger, one, f"content {number}") for number, one in enumerate(_said(patient))]
    fill(ledger, ds, {
        "ValueType": "CONTAINER", "ContinuityOfContent": "SEPARATE", "CompletionFlag": "COMPLETE",
        "VerificationFlag": "VERIFIED",
        "ConceptNameCodeSequence": [code("126000", "DCM", "Imaging Measurement Report")],
        "ContentTemplateSequence": [{"MappingResource": "DCMR", "TemplateIdentifier": "1500"}],
        "VerifyingObserverSequence": [{
            "VerifyingOrganization": WORD, "VerificationDateTime": MOMENT,
            "VerifyingObserverName": NAME,
            "VerifyingObserverIdentificationCodeSequence": [code(NUMBER, "99H", WORD)],
        }],
        "AuthorObserverSequence": [{
            "PersonName": NAME, "InstitutionName": WORD, "ObserverType": "PSN",
            "PersonIdentificationCodeSequence": [code(meaning=WORD)],
        }],
        "CustodialOrganizationSequence": [{"InstitutionName": WORD}],
        "ReferencedRequestSequence": [{
            "StudyInstanceUID": patient.study, "AccessionNumber": NUMBER,
            "PlacerOrderNumberImagingServiceRequest": NUMBER, "RequestedProcedureDescription": WORD,
            "RequestedProcedureCodeSequence": [code()],
        }],
        "CurrentRequestedProcedureEvidenceSequence": [_evidence(patient)],
        "ContentSequence": [*content, inner],
    })  # fmt: skip
    save(patient, ds)


def _evidence(patient: Patient) -> dict[str, Any]:
    listed = {"SeriesInstanceUID": patient.series, "RetrieveLocationUID": UID,
              "ReferencedSOPSequence": [refer(image) for image in patient.images]}  # fmt: skip
    return {"StudyInstanceUID": patient.study, "ReferencedSeriesSequence": [listed]}


def key_objects(patient: Patient) -> None:
    """Make a key object selection."""
    ds = new(patient, "KO", "1.2.840.10008.5.1.4.1.1.88.59", "KO")
    del ds.FrameOfReferenceUID
    named = code("1", "DCM", "a")
    fill(patient.ledger, ds, {
        "ValueType": "CONTAINER", "ContinuityOfContent": "SEPARATE",
        "ConceptNameCodeSequence": [code("113000", "DCM", "Of Interest")],
        "CurrentRequestedProcedureEvidenceSequence": [_evidence(patient)],
    })  # fmt: skip
    fill(patient.ledger, ds, {"ContentSequence": [
        node("TEXT", code("113012", "DCM", "Key Object Description"), TextValue=LOCAL),
        *(node("IMAGE", named, ReferencedSOPSequence=[refer(image)]) for image in patient.images),
    ]})  # fmt: skip
    save(patient, ds)


def presentation(patient: Patient) -> None:
    """Make a presentation state."""
    ds = new(patient, "PR", "1.2.840.10008.5.1.4.1.1.11.2", "PR")
    fill(patient.ledger, ds, {
        "ContentLabel": LABEL, "ContentDescription": WORD, "ContentCreatorName": NAME,
        "PresentationCreationDate": DAY,
        "ReferencedSeriesSequence": [{
            "SeriesInstanceUID": patient.series,
            "ReferencedImageSequence": [refer(image) for image in patient.images],
        }],
        "GraphicLayerSequence": [{
            "GraphicLayer": LABEL.free(), "GraphicLayerOrder": "1",
            "GraphicLayerDescription": FREE,
        }],
        "GraphicAnnotationSequence": [{
            "ReferencedImageSequence": [refer(patient.images[0])],
            "TextObjectSequence": [{
                "BoundingBoxAnnotationUnits": "PIXEL",
                "UnformattedTextValue": LOCAL.within(f"{{}} {patient.person.names[0]}"),
            }],
        }],
        "ICCProfile": unread(patient.ledger.text("colours", Rule.FREE)).ljust(200, b"\1"),
    })  # fmt: skip
    save(patient, ds)


def therapy(patient: Patient) -> None:
    """Make structure set, plan and dose, which refer to each other."""
    ledger, images = patient.ledger, patient.images
    ds = new(patient, "RTSTRUCT", RTStructureSetStorage, "RTSTRUCT")
    shown = [refer(image) for image in images]
    fill(ledger, ds, {
        "StructureSetLabel": WORD, "StructureSetName": WORD, "StructureSetDescription": WORD,
        "StructureSetDate": DAY, "ApprovalStatus": "APPROVED", "ReviewerName": NAME,
        "ReviewDate": DAY,
        "ReferencedFrameOfReferenceSequence": [{
            "FrameOfReferenceUID": patient.frame,
            "RTReferencedStudySequence": [{
                "ReferencedSOPClassUID": "1.2.840.10008.3.1.2.3.1",
                "ReferencedSOPInstanceUID": patient.study,
                "RTReferencedSeriesSequence": [
                    {"SeriesInstanceUID": patient.series, "ContourImageSequence": shown}
                ],
            }],
        }],
        "StructureSetROISequence": [{
            "ROINumber": "1", "ReferencedFrameOfReferenceUID": patient.frame, "ROIName": WORD,
            "ROIDescription": WORD, "ROIGenerationDescription": WORD,
        }],
        "ROIContourSequence": [{"ContourSequence": [
            {"ContourImageSequence": [refer(image)], "ContourData": ["1", "2", "3"]}
            for image in images
        ]}],
        "RTROIObservationsSequence": [{"ROIObservationLabel": WORD, "ROIInterpreter": NAME}],
    })  # fmt: skip
    structures = save(patient, ds)
    ds = new(patient, "RTPLAN", RTPlanStorage, "RTPLAN")
    fill(ledger, ds, {
        "RTPlanLabel": WORD, "RTPlanName": WORD, "RTPlanDescription": WORD, "RTPlanDate": DAY,
        "PrescriptionDescription": WORD, "TreatmentSites": WORD,
        "ReferencedStructureSetSequence": [refer(structures)],
        "DoseReferenceSequence": [{"DoseReferenceUID": UID, "DoseReferenceDescription": WORD}],
        "BeamSequence": [{
            "BeamNumber": "1", "BeamName": FREE, "BeamDescription": WORD,
            "TreatmentMachineName": WORD, "InstitutionName": WORD, "DeviceSerialNumber": NUMBER,
            "BlockSequence": [{"BlockName": FREE, "MaterialID": FREE}],
        }],
        "PatientSetupSequence": [{"SetupTechniqueDescription": WORD}],
    })  # fmt: skip
    plan = save(patient, ds)
    ds = geometry(pixels(new(patient, "RTDOSE", RTDoseStorage, "RTDOSE"), ledger, frames=3))
    fill(ledger, ds, {
        "DoseComment": WORD, "DoseGridScaling": "1", "ReferencedRTPlanSequence": [refer(plan)],
        "ReferencedStructureSetSequence": [refer(structures)],
    })  # fmt: skip
    save(patient, ds)


def waveform(patient: Patient) -> None:
    """Make an electrocardiogram."""
    ds = new(patient, "ECG", "1.2.840.10008.5.1.4.1.1.9.1.1", "ECG")
    del ds.FrameOfReferenceUID
    fill(patient.ledger, ds, {
        "AcquisitionDateTime": MOMENT,
        "WaveformSequence": [{
            "MultiplexGroupLabel": FREE, "MultiplexGroupUID": UID, "WaveformBitsAllocated": 16,
            "ChannelDefinitionSequence": [
                {"ChannelLabel": FREE, "ChannelSourceSequence": [code("1", "SCPECG")]}
            ],
        }],
        "WaveformAnnotationSequence": [
            {"UnformattedTextValue": LOCAL}, {"ConceptNameCodeSequence": [code()]},
            {"ConceptCodeSequence": [code()], "AnnotationDateTime": MOMENT},
        ],
    })  # fmt: skip
    ds.WaveformSequence[0].add_new(0x54001010, "OW", b"\1\2" * 32)
    save(patient, ds)


def raw_data(patient: Patient) -> None:
    """Make raw data, which is private but for its head."""
    ds = new(patient, "OT", "1.2.840.10008.5.1.4.1.1.66", "raw data")
    fill(patient.ledger, ds, {
        "ContentLabel": "RAW", "ContentDescription": WORD, "CreatorVersionUID": UID.free(),
        "ReferencedInstanceSequence": [refer(image) for image in patient.images],
    })  # fmt: skip
    private(patient.ledger, ds)
    save(patient, ds)


def registration(patient: Patient) -> None:
    """Make a spatial registration and fiducials."""
    ledger = patient.ledger
    ds = new(patient, "REG", "1.2.840.10008.5.1.4.1.1.66.1", "REG")
    fill(ledger, ds, {"RegistrationSequence": [{
        "FrameOfReferenceUID": patient.frame,
        "ReferencedImageSequence": [refer(image) for image in patient.images],
        "MatrixRegistrationSequence": [{"FrameOfReferenceTransformationComment": WORD}],
    }]})  # fmt: skip
    save(patient, ds)
    ds = new(patient, "FID", "1.2.840.10008.5.1.4.1.1.66.2", "FID")
    fill(ledger, ds, {"FiducialSetSequence": [{
        "FrameOfReferenceUID": patient.frame,
        "ReferencedImageSequence": [refer(patient.images[0])],
        "FiducialSequence": [
            {"FiducialIdentifier": FREE, "FiducialDescription": FREE, "FiducialUID": UID}
        ],
    }]})  # fmt: skip
    save(patient, ds)


def encapsulated(patient: Patient) -> None:
    """Make a PDF, a CDA document and a surface."""
    ledger = patient.ledger
    root = "1.2.840.10008.5.1.4.1.1.104"
    for number, kind, mime in (
        (1, "PDF", "application/pdf"), (2, "CDA", "text/XML"), (3, "STL", "model/stl"),
    ):  # fmt: skip
        ds = new(patient, "DOC", f"{root}.{number}", kind)
        content = _content(patient, kind)
        fill(ledger, ds, {
            "DocumentTitle": FREE, "MIMETypeOfEncapsulatedDocument": mime,
            "EncapsulatedDocument": content + b"\0" * (len(content) % 2),
            "EncapsulatedDocumentLength": len(content), "HL7InstanceIdentifier": UID.within("{}^x"),
            "SourceInstanceSequence": [refer(image) for image in patient.images],
        })  # fmt: skip
        save(patient, ds)


def _content(patient: Patient, kind: str) -> bytes:
    word, born = patient.ledger.text("document", Rule.TABLE), patient.person.birth
    if kind == "PDF":
        return pdf(patient.ledger)
    if kind == "STL":
        return unread(word).ljust(80, b"\0") + b"\1\0\0\0" + bytes(50)
    names = f"<name>{word}</name><birthTime value='{born:%Y%m%d}'/>"
    return f"<ClinicalDocument>{names}</ClinicalDocument>".encode()


MAKERS = (
    report, key_objects, presentation, therapy, waveform, raw_data, registration, encapsulated,
)  # fmt: skip

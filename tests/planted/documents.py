"""Reports, key images, presentation states and documents of the planted study."""

from __future__ import annotations

from collections.abc import Sequence as Many

from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import (
    ComprehensiveSRStorage,
    EncapsulatedCDAStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
)

from tests.builders import pdf
from tests.planted import common
from tests.planted.images import concept, refer_series
from tests.planted.ledger import Clause, Ledger

_CONTENT = 0x0040A730
#: How deep containers stand in one another in the report.
DEPTH = 8


def _document(ledger: Ledger, ct: Many[FileDataset], sop_class: str, modality: str) -> FileDataset:
    ds = common.new(ledger, sop_class)
    common.join(ds, ct[0])
    ds.Modality = modality
    for keyword in ("ContentDate", "ContentTime", "InstitutionName", "SeriesDescription"):
        ledger.put(ds, keyword)
    return ds


def _evidence(ledger: Ledger, ds: Dataset, ct: Many[FileDataset]) -> None:
    item = Dataset()
    path = (0x0040A375, 0)
    item.StudyInstanceUID = ledger.refer((*path, 0x0020000D), ct[0].StudyInstanceUID)
    item.ReferencedSeriesSequence = [
        refer_series(ledger, ct, (*path, 0x00081115, 0), instances=0x00081199)
    ]
    ds.CurrentRequestedProcedureEvidenceSequence = [item]


def structured_report(ledger: Ledger, ct: Many[FileDataset]) -> FileDataset:
    """Return a comprehensive SR with every value type, and containers eight deep."""
    ledger.file = "SR/IM0001"
    ds = _document(ledger, ct, ComprehensiveSRStorage, "SR")
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "VERIFIED"
    ds.CompletionFlagDescription = ledger.text("CompletionFlagDescription", Clause.BEYOND)
    observer = Dataset()
    for keyword in ("VerifyingOrganization", "VerificationDateTime", "VerifyingObserverName",
                    "VerifyingObserverIdentificationCodeSequence"):  # fmt: skip
        ledger.put(observer, keyword, where="VerifyingObserverSequence")
    ds.VerifyingObserverSequence = [observer]
    author = Dataset()
    author.ObserverType = "PSN"
    ledger.put(author, "PersonName", where="AuthorObserverSequence")
    ledger.put(author, "InstitutionName", where="AuthorObserverSequence")
    author.InstitutionCodeSequence = []
    author.PersonIdentificationCodeSequence = []
    ds.AuthorObserverSequence = [author]
    participant = Dataset()
    participant.ParticipationType = "ATTEST"
    for keyword in ("ParticipationDateTime", "PersonName", "InstitutionName"):
        ledger.put(participant, keyword, where="ParticipantSequence")
    participant.ObserverType = "PSN"
    participant.InstitutionCodeSequence = []
    participant.PersonIdentificationCodeSequence = []
    ds.ParticipantSequence = [participant]
    custodian = Dataset()
    custodian.InstitutionName = ledger.text("CustodialOrganization/InstitutionName", 0x0040A07C)
    custodian.InstitutionCodeSequence = []
    ds.CustodialOrganizationSequence = [custodian]
    ds.ReferencedRequestSequence = [_request(ledger, ct)]
    _evidence(ledger, ds, ct)
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [concept("126000", "DCM", "Imaging Measurement Report")]
    ds.ContentSequence = [*_items(ledger, ct), _nest(ledger, DEPTH)]
    return ds


def _request(ledger: Ledger, ct: Many[FileDataset]) -> Dataset:
    request = Dataset()
    request.StudyInstanceUID = ledger.refer((0x0040A370, 0, 0x0020000D), ct[0].StudyInstanceUID)
    request.ReferencedStudySequence = []
    for keyword in ("AccessionNumber", "PlacerOrderNumberImagingServiceRequest",
                    "FillerOrderNumberImagingServiceRequest", "RequestedProcedureID",
                    "RequestedProcedureDescription"):  # fmt: skip
        ledger.put(request, keyword, where="ReferencedRequestSequence")
    request.RequestedProcedureCodeSequence = []
    return request


def content(kind: str, relation: str, name: Dataset) -> Dataset:
    """Return a content item without its value."""
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    item.ConceptNameCodeSequence = [name]
    return item


def _items(ledger: Ledger, ct: Many[FileDataset]) -> list[Dataset]:
    """One content item of each kind that can hold an identifier, and one image each slice."""
    items = []
    for kind, keyword in (("TEXT", "TextValue"), ("PNAME", "PersonName"), ("DATE", "Date"),
                          ("TIME", "Time"), ("DATETIME", "DateTime")):  # fmt: skip
        item = content(kind, "CONTAINS", concept("121071", "DCM", "Finding"))
        rule = Clause.CONTENT if keyword == "TextValue" else None
        ledger.put(item, keyword, where="Content", rule=rule)
        items.append(item)
    reference = content("UIDREF", "CONTAINS", concept("112040", "DCM", "Tracking UID"))
    ledger.put(reference, "UID", where="Content")
    items.append(reference)
    coded = content("CODE", "CONTAINS", concept("121071", "DCM", "Finding"))
    coded.ConceptCodeSequence = [ledger.code("Content/ConceptCodeSequence", Clause.CONTENT)]
    items.append(coded)
    number = content("NUM", "CONTAINS", ledger.code("Content/NUM", Clause.CONTENT))
    measured = Dataset()
    measured.NumericValue = "4.25"
    measured.MeasurementUnitsCodeSequence = [concept("mm", "UCUM", "mm")]
    number.MeasuredValueSequence = [measured]
    items.append(number)
    for image in ct:
        picture = content("IMAGE", "CONTAINS", concept("121112", "DCM", "Source of Measurement"))
        target = Dataset()
        target.ReferencedSOPClassUID = image.SOPClassUID
        target.ReferencedSOPInstanceUID = ledger.refer(
            (_CONTENT, len(items), 0x00081199, 0, 0x00081155), image.SOPInstanceUID
        )
        picture.ReferencedSOPSequence = [target]
        items.append(picture)
    return items


def _nest(ledger: Ledger, depth: int) -> Dataset:
    """Containers in containers, with text and a name in each."""
    box = content("CONTAINER", "CONTAINS", concept("121070", "DCM", "Findings"))
    box.ContinuityOfContent = "SEPARATE"
    text = content("TEXT", "CONTAINS", concept("121071", "DCM", "Finding"))
    text.TextValue = ledger.text(f"Content/depth {depth}/TextValue", Clause.CONTENT)
    name = content("PNAME", "CONTAINS", concept("121008", "DCM", "Person Observer Name"))
    ledger.put(name, "PersonName", where=f"Content/depth {depth}")
    box.ContentSequence = [text, name]
    box.ObservationDateTime = None
    ledger.put(box, "ObservationDateTime", where=f"Content/depth {depth}")
    if depth > 1:
        box.ContentSequence.append(_nest(ledger, depth - 1))
    return box


def key_objects(ledger: Ledger, ct: Many[FileDataset]) -> FileDataset:
    """Return a key object selection of all slices with a comment."""
    ledger.file = "KO/IM0001"
    ds = _document(ledger, ct, KeyObjectSelectionDocumentStorage, "KO")
    ds.ReferencedPerformedProcedureStepSequence = []
    _evidence(ledger, ds, ct)
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [concept("113000", "DCM", "Of Interest")]
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "2010"
    ds.ContentTemplateSequence = [template]
    items = []
    comment = content("TEXT", "CONTAINS", concept("113012", "DCM", "Key Object Description"))
    comment.TextValue = ledger.text("Content/TextValue", Clause.CONTENT)
    observer = content("PNAME", "HAS OBS CONTEXT", concept("121008", "DCM", "Person Observer Name"))
    ledger.put(observer, "PersonName", where="Content")
    items += [comment, observer]
    for image in ct:
        item = Dataset()
        item.RelationshipType, item.ValueType = "CONTAINS", "IMAGE"
        target = Dataset()
        target.ReferencedSOPClassUID = image.SOPClassUID
        target.ReferencedSOPInstanceUID = ledger.refer(
            (_CONTENT, len(items), 0x00081199, 0, 0x00081155), image.SOPInstanceUID
        )
        item.ReferencedSOPSequence = [target]
        items.append(item)
    ds.ContentSequence = items
    return ds


def presentation_state(ledger: Ledger, ct: Many[FileDataset]) -> FileDataset:
    """Return a grey presentation state with text, graphics and layers."""
    ledger.file = "PR/IM0001"
    ds = common.new(ledger, GrayscaleSoftcopyPresentationStateStorage)
    common.join(ds, ct[0])
    ds.Modality, ds.ContentLabel, ds.Laterality = "PR", "ANNOTATED", ""
    ds.ContentDescription = ledger.text("ContentDescription", Clause.BEYOND)
    for keyword in ("PresentationCreationDate", "PresentationCreationTime", "ContentCreatorName",
                    "InstitutionName", "SeriesDescription"):  # fmt: skip
        ledger.put(ds, keyword)
    ds.ReferencedSeriesSequence = [refer_series(ledger, ct, (0x00081115, 0), instances=0x00081140)]
    text, graphic = Dataset(), Dataset()
    text.BoundingBoxAnnotationUnits = "DISPLAY"
    text.UnformattedTextValue = ledger.text("TextObject/UnformattedTextValue", 0x00700006)
    text.BoundingBoxTopLeftHandCorner = [0.1, 0.1]
    text.BoundingBoxBottomRightHandCorner = [0.5, 0.2]
    text.BoundingBoxTextHorizontalJustification = "LEFT"
    graphic.GraphicAnnotationUnits, graphic.GraphicDimensions = "PIXEL", 2
    graphic.NumberOfGraphicPoints, graphic.GraphicData = 2, [1.0, 1.0, 9.0, 9.0]
    graphic.GraphicType, graphic.GraphicFilled = "POLYLINE", "N"
    note = Dataset()
    note.GraphicLayer = "LAYER1"
    note.TextObjectSequence, note.GraphicObjectSequence = [text], [graphic]
    target = Dataset()
    target.ReferencedSOPClassUID = ct[0].SOPClassUID
    target.ReferencedSOPInstanceUID = ct[0].SOPInstanceUID
    note.ReferencedImageSequence = [target]
    ds.GraphicAnnotationSequence = [note]
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = "LAYER1", 1
    layer.GraphicLayerDescription = ledger.text("GraphicLayerDescription", Clause.BEYOND)
    ds.GraphicLayerSequence = [layer]
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [ct[0].Columns, ct[0].Rows]
    area.PresentationSizeMode, area.PresentationPixelSpacing = "SCALE TO FIT", [0.5, 0.5]
    ds.DisplayedAreaSelectionSequence = [area]
    ds.PresentationLUTShape = "IDENTITY"
    return ds


def encapsulated_pdf(ledger: Ledger, ct: Many[FileDataset]) -> FileDataset:
    """Return a PDF that names a person."""
    ledger.file = "PDF/IM0001"
    ds = _document(ledger, ct, EncapsulatedPDFStorage, "DOC")
    ds.ConversionType, ds.BurnedInAnnotation = "WSD", "YES"
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    ds.DocumentTitle = ledger.text("DocumentTitle", Clause.BEYOND)
    ds.ConceptNameCodeSequence = []
    ledger.put(ds, "AcquisitionDateTime")
    ds.EncapsulatedDocument = _even(pdf(ledger.text("EncapsulatedDocument", 0x00420011)))
    return ds


def encapsulated_cda(ledger: Ledger, ct: Many[FileDataset]) -> FileDataset:
    """Return an HL7 document that names a person."""
    ledger.file = "CDA/IM0001"
    ds = _document(ledger, ct, EncapsulatedCDAStorage, "DOC")
    ds.ConversionType, ds.BurnedInAnnotation = "WSD", "YES"
    ds.MIMETypeOfEncapsulatedDocument = "text/XML"
    ds.DocumentTitle = ""
    ds.HL7InstanceIdentifier = ledger.text("HL7InstanceIdentifier", Clause.BEYOND)
    ds.ConceptNameCodeSequence = [concept("11528-7", "LN", "Radiology Report")]
    ledger.put(ds, "AcquisitionDateTime")
    name = ledger.text("EncapsulatedDocument", 0x00420011)
    xml = f'<ClinicalDocument xmlns="urn:hl7-org:v3"><name>{name}</name></ClinicalDocument>'
    ds.EncapsulatedDocument = _even(xml.encode())
    return ds


def _even(data: bytes) -> bytes:
    return data + bytes(len(data) % 2)

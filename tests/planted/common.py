"""What all objects of the planted study share: modules of the patient, study and equipment."""

from __future__ import annotations

import io

from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from tests.planted.ledger import Clause, Ledger


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: Attributes of the patient, visit and trial, each planted by itself. All have a row in the table.
PATIENT = _words("""
    PatientBirthTime OtherPatientIDs OtherPatientNames PatientBirthName PatientMotherBirthName
    PatientAge PatientSize PatientWeight PatientAddress PatientTelephoneNumbers
    PatientTelecomInformation InsurancePlanIdentification MilitaryRank BranchOfService
    CountryOfResidence RegionOfResidence Occupation AdditionalPatientHistory
    LastMenstrualDate PatientReligiousPreference PatientComments ResponsiblePerson
    ResponsibleOrganization EthnicGroup MedicalAlerts Allergies IssuerOfPatientID
    MedicalRecordLocator PatientPrimaryLanguageCodeSequence PatientInsurancePlanCodeSequence
    AdmissionID IssuerOfAdmissionID AdmittingDate AdmittingTime AdmittingDiagnosesDescription
    AdmittingDiagnosesCodeSequence ServiceEpisodeID ServiceEpisodeDescription
    CurrentPatientLocation PatientInstitutionResidence PatientState SpecialNeeds VisitComments
    DischargeDate DischargeTime DischargeDiagnosisDescription
    ConfidentialityConstraintOnPatientDataDescription
""")

TRIAL = _words("""
    ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialProtocolName
    ClinicalTrialSiteID ClinicalTrialSiteName ClinicalTrialSubjectID
    ClinicalTrialSubjectReadingID ClinicalTrialTimePointID ClinicalTrialTimePointDescription
    ClinicalTrialCoordinatingCenterName ClinicalTrialSeriesID ClinicalTrialSeriesDescription
    ClinicalTrialProtocolEthicsCommitteeName
    ClinicalTrialProtocolEthicsCommitteeApprovalNumber IssuerOfClinicalTrialSubjectID
""")

STUDY = _words("""
    StudyTime StudyID ReferringPhysicianName ReferringPhysicianAddress
    ReferringPhysicianTelephoneNumbers StudyDescription PhysiciansOfRecord
    NameOfPhysiciansReadingStudy ConsultingPhysicianName RequestingPhysician RequestingService
    RequestedProcedureDescription ReasonForStudy StudyComments ReasonForVisit
    RequestedContrastAgent
    ScheduledStudyLocation StudyReadDate StudyVerifiedDate StudyArrivalDate StudyIDIssuer
    RequestedProcedureID RequestedProcedureLocation RequestedProcedureComments
    ReasonForTheRequestedProcedure NamesOfIntendedRecipientsOfResults
    ImagingServiceRequestComments ReasonForTheImagingServiceRequest
    PlacerOrderNumberImagingServiceRequest FillerOrderNumberImagingServiceRequest
    IssueDateOfImagingServiceRequest OrderEnteredBy OrderEntererLocation
    OrderCallbackPhoneNumber InterpretationText InterpretationAuthor ResultsComments Impressions
""")

SERIES = _words("""
    SeriesDate SeriesTime SeriesDescription ProtocolName PerformingPhysicianName OperatorsName
    PerformedProcedureStepID PerformedProcedureStepDescription PerformedProcedureStepStartDate
    PerformedProcedureStepStartTime CommentsOnThePerformedProcedureStep
    PerformedStationAETitle PerformedStationName PerformedLocation
    ScheduledProcedureStepDescription ScheduledPerformingPhysicianName
    ScheduledStationName ScheduledProcedureStepLocation ScheduledProcedureStepStartDate
    PreMedication RequestedSeriesDescription
""")

EQUIPMENT = _words("""
    InstitutionName InstitutionAddress InstitutionalDepartmentName StationName
    DeviceSerialNumber DeviceUID GantryID GeneratorID DetectorID PlateID CassetteID
    DateOfLastCalibration TimeOfLastCalibration DateOfManufacture DateOfInstallation
    UniqueDeviceIdentifier StationAETitle RetrieveAETitle InstanceCreatorUID
    HardcopyCreationDeviceID NetworkID
""")

IMAGE = _words("""
    AcquisitionDate AcquisitionTime AcquisitionDateTime AcquisitionUID InstanceCreationDate
    InstanceCreationTime ImageComments FrameComments DerivationDescription
    AcquisitionComments AcquisitionProtocolDescription AcquisitionDeviceProcessingDescription
    ContrastBolusAgent ContrastBolusStartTime ContrastBolusStopTime
    IdentifyingComments TextComments ImagePresentationComments OverlayDate CurveTime
    AcquisitionContextDescription
    CommentsOnRadiationDose IrradiationEventUID ConcatenationUID
""")


def new(ledger: Ledger, sop_class: str, *, syntax: str = ExplicitVRLittleEndian) -> FileDataset:
    """Return an object of a class with UIDs of its own and the patient's and study's attributes."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(ledger.uid())
    meta.TransferSyntaxUID = UID(syntax)
    ds = FileDataset(
        "",
        {},
        file_meta=meta,
        preamble=bytes(128),
        is_implicit_VR=UID(syntax).is_implicit_VR,
        is_little_endian=UID(syntax).is_little_endian,
    )
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = meta.MediaStorageSOPClassUID
    ds.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    patient = ledger.patient
    ds.PatientName, ds.PatientID = patient.name, patient.id
    ds.PatientBirthDate, ds.PatientSex = f"{patient.birth:%Y%m%d}", "F"
    ds.AccessionNumber = patient.accession
    ds.SeriesInstanceUID = ledger.uid()
    ds.SeriesNumber, ds.InstanceNumber = 1, 1
    ds.Manufacturer, ds.ManufacturerModelName = "Synthetic", "Phantom"
    ds.SoftwareVersions = "1"
    return ds


def join(ds: Dataset, study: Dataset) -> None:
    """Make an object one of the study."""
    for keyword in ("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID",
                    "ReferringPhysicianName"):  # fmt: skip
        setattr(ds, keyword, getattr(study, keyword))


def grey(ds: Dataset, rows: int, columns: int, pixels: bytes, *, bits: int = 12) -> None:
    """Set grey pixels."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated = 8 if bits <= 8 else 16
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, 0
    ds.PixelData = pixels
    ds["PixelData"].VR = "OW"


def plant_study(ledger: Ledger, ds: Dataset) -> None:
    """Plant the patient, study, trial and equipment modules; the file of these plants is all."""
    ledger.file = "*"
    patient = ledger.patient
    for part in ("family", "given", "middle"):
        ledger.add(f"PatientName/{part}", 0x00100010, getattr(patient, part))
    ledger.add("PatientID", 0x00100020, patient.id)
    ledger.add("AccessionNumber", 0x00080050, patient.accession)
    birth = f"{patient.birth:%Y%m%d}"
    ledger.add("PatientBirthDate", 0x00100030, birth)
    day = f"{ledger.day():%Y%m%d}"
    ds.StudyDate = ds.ContentDate = day
    ledger.add("StudyDate", 0x00080020, day)
    ds.StudyInstanceUID = ledger.uid()
    ds.TimezoneOffsetFromUTC = "+0545"
    ledger.add("TimezoneOffsetFromUTC", 0x00080201, tag=0x00080201, value="+0545")
    ds.SmokingStatus, ds.ResponsiblePersonRole = "YES", "OWNER"
    ledger.add("SmokingStatus", 0x001021A0, tag=0x001021A0, value="YES")
    for keyword in (*PATIENT, *TRIAL, *STUDY, *SERIES, *EQUIPMENT, *IMAGE):
        ledger.put(ds, keyword)
    ledger.put(ds, "ContentTime")
    _plant_people(ledger, ds)
    _plant_sequences(ledger, ds)


def _plant_people(ledger: Ledger, ds: Dataset) -> None:
    """Sequences that identify persons, each with the attributes of PS3.3 Table 10-1."""
    for keyword in (
        "ReferringPhysicianIdentificationSequence", "PhysiciansOfRecordIdentificationSequence",
        "PerformingPhysicianIdentificationSequence", "OperatorIdentificationSequence",
        "PhysiciansReadingStudyIdentificationSequence",
        "ConsultingPhysicianIdentificationSequence",
    ):  # fmt: skip
        person = Dataset()
        for inner in ("PersonIdentificationCodeSequence", "PersonAddress",
                      "PersonTelephoneNumbers", "InstitutionName"):  # fmt: skip
            ledger.put(person, inner, where=keyword)
        setattr(ds, keyword, [person])


def _plant_sequences(ledger: Ledger, ds: Dataset) -> None:
    other = Dataset()
    other.PatientID = ledger.text("OtherPatientIDsSequence/PatientID", 0x00101002)
    other.IssuerOfPatientID = ledger.text("OtherPatientIDsSequence/Issuer", 0x00101002)
    other.TypeOfPatientID = "TEXT"
    ds.OtherPatientIDsSequence = [other]
    request = Dataset()
    for keyword in ("RequestedProcedureDescription", "ScheduledProcedureStepID",
                    "RequestedProcedureID", "ReasonForTheRequestedProcedure",
                    "AccessionNumber"):  # fmt: skip
        ledger.put(request, keyword, where="RequestAttributesSequence")
    ds.RequestAttributesSequence = [request]
    maker = Dataset()
    maker.Manufacturer = "Synthetic"
    maker.PurposeOfReferenceCodeSequence = [_purpose()]
    for keyword in ("InstitutionName", "InstitutionAddress", "StationName", "OperatorsName",
                    "ContributionDateTime", "ContributionDescription",
                    "DeviceSerialNumber"):  # fmt: skip
        ledger.put(maker, keyword, where="ContributingEquipmentSequence")
    ds.ContributingEquipmentSequence = [maker]
    changed = Dataset()
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyDescription"):
        ledger.put(changed, keyword, where="OriginalAttributesSequence", rule=0x04000561)
    old = Dataset()
    old.ModifiedAttributesSequence = [changed]
    for keyword in ("AttributeModificationDateTime", "ModifyingSystem",
                    "SourceOfPreviousValues"):  # fmt: skip
        ledger.put(old, keyword, where="OriginalAttributesSequence", rule=0x04000561)
    old.ReasonForTheAttributeModification = "COERCE"
    ds.OriginalAttributesSequence = [old]
    issuer = Dataset()
    issuer.LocalNamespaceEntityID = ledger.text(
        "IssuerOfAdmissionIDSequence/LocalNamespaceEntityID", 0x00380014
    )
    ds.IssuerOfAdmissionIDSequence = [issuer]
    ds.ProcedureCodeSequence = [ledger.code("ProcedureCodeSequence", Clause.BEYOND)]


def _purpose() -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = "109101", "DCM"
    item.CodeMeaning = "Acquisition Equipment"
    return item


def to_bytes(ds: FileDataset) -> bytes:
    """Return the object as a file; elements with a wrong VR are written as they are."""
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()

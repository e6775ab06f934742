"""Objects that are not as they should be: handled as the standard asks, or refused by name."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import (
    UID,
    BasicVoiceAudioWaveformStorage,
    ComprehensiveSRStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from emixcli.anonymize import Option, Profile, SiteRules
from emixcli.deid import tables
from emixcli.deid.verify import Verifier
from tests import builders
from tests.deid.conftest import accepting, run
from tests.planted.edges import _insert, element, item
from tests.planted.study import PlantedStudy, read
from tests.running import run_here

NAME = b"canarysurname"


def ok(data: bytes) -> bytes:
    """De-identify one object that must be handled; return what came out, verified."""
    outcome = run({"x": data}, accepting())
    assert outcome.refused == {}
    out = outcome.outputs["x"]
    verifier = Verifier(accepting())
    verifier.learn(io.BytesIO(data))
    assert verifier.check(io.BytesIO(out)) == []
    assert NAME not in out.lower()
    return out


def reason(data: bytes) -> str:
    """Return why an object is refused."""
    outcome = run({"x": data}, accepting())
    assert outcome.outputs == {}
    return outcome.refused["x"]


@pytest.mark.parametrize("keep", [0, 1, 100, 131, 132, 140, 200, 300, 401, 603])
def test_truncated_in_the_header(keep: int) -> None:
    data = builders.to_bytes(builders.instance())
    assert reason(data[:keep]).startswith("object.")


@pytest.mark.parametrize("missing", [1, 2, 100])
def test_truncated_in_the_pixel_data(missing: int) -> None:
    data = builders.to_bytes(builders.instance())
    assert reason(data[:-missing]) in {"object.truncated", "pixels.damaged"}


@pytest.mark.parametrize(
    "syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian]
)
def test_transfer_syntaxes(syntax: str) -> None:
    ds = builders.instance(transfer_syntax=syntax)
    before = ds.pixel_array
    out = read(ok(builders.to_bytes(ds)))
    assert (out.pixel_array == before).all()


def test_sequences_and_items_of_undefined_length() -> None:
    ds = builders.instance()
    inner, other = Dataset(), Dataset()
    inner.PersonName = "CanarySurname^X"
    other.PatientID = "CANARYSURNAME"
    ds.ContentItemModifierSequence, ds.OtherPatientIDsSequence = [inner], [other]
    for keyword in ("ContentItemModifierSequence", "OtherPatientIDsSequence"):
        ds[keyword].is_undefined_length = True
        ds[keyword].value[0].is_undefined_length_sequence_item = True
    out = read(ok(builders.to_bytes(ds)))
    assert out.ContentItemModifierSequence[0].PersonName != "CanarySurname^X"


def _without(keyword: str, in_meta: str = "") -> bytes:
    """Return an object that lacks a UID, in the data set or in the file meta too."""
    ds = builders.instance()
    delattr(ds, keyword)
    if in_meta:
        delattr(ds.file_meta, in_meta)
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=False)
    return out.getvalue()


def test_no_uid_anywhere() -> None:
    missing = _without("SOPInstanceUID", "MediaStorageSOPInstanceUID")
    assert reason(missing) == "object.no-instance-uid"
    assert reason(_without("SOPClassUID", "MediaStorageSOPClassUID")) == "object.no-sop-class"


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SOPClassUID"])
def test_a_uid_in_the_file_meta_alone(keyword: str) -> None:
    outcome = run({"x": _without(keyword)}, accepting())
    for data in outcome.outputs.values():
        ds = read(data)
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert NAME not in data.lower()


def test_a_missing_study_uid_is_handled() -> None:
    ok(builders.to_bytes(builders.instance(extra={"StudyInstanceUID": None})))


def test_the_same_uid_twice_stays_the_same_uid() -> None:
    one = builders.to_bytes(builders.instance(number=1))
    two = builders.to_bytes(builders.instance(number=1, extra={"InstanceNumber": 7}))
    outcome = run({"one": one, "two": two}, accepting())
    uids = {read(data).SOPInstanceUID for data in outcome.outputs.values()}
    assert len(outcome.outputs) == 2
    assert len(uids) == 1


def test_no_file_meta() -> None:
    data = builders.to_bytes(builders.instance())
    meta_length = int.from_bytes(data[140:144], "little")
    bare = data[144 + meta_length :]
    outcome = run({"x": bare}, accepting())
    if outcome.outputs:
        ok(bare)
    else:
        assert outcome.refused["x"].startswith("object.")


def test_a_report_without_a_template() -> None:
    ds = _report()
    out = read(ok(builders.to_bytes(ds)))
    assert out.ContentSequence[0].ValueType == "TEXT"


def _report() -> FileDataset:
    ds = builders.encapsulated_pdf()
    for keyword in ("EncapsulatedDocument", "DocumentTitle", "MIMETypeOfEncapsulatedDocument"):
        delattr(ds, keyword)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = ComprehensiveSRStorage
    ds.Modality, ds.ValueType, ds.ContinuityOfContent = "SR", "CONTAINER", "SEPARATE"
    ds.CompletionFlag, ds.VerificationFlag = "PARTIAL", "UNVERIFIED"
    text, name = Dataset(), Dataset()
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = "121071", "DCM", "Finding"
    text.RelationshipType, text.ValueType = "CONTAINS", "TEXT"
    text.ConceptNameCodeSequence = [name]
    text.TextValue = "seen by CanarySurname"
    ds.ContentSequence = [text]
    return ds


def test_an_unknown_sop_class() -> None:
    ds = builders.instance()
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID("1.2.826.0.1.3680043.8.498.99")
    data = builders.to_bytes(ds)
    assert reason(data) == "object.unknown-sop-class"
    rules = SiteRules(accept_sop_classes=frozenset({"1.2.826.0.1.3680043.8.498.99"}))
    outcome = run({"x": data}, Profile(rules=rules, accept_risk="synthetic"))
    assert NAME not in outcome.outputs["x"].lower()


def test_an_unknown_transfer_syntax() -> None:
    ds = builders.instance()
    data = builders.to_bytes(ds).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.9.9\0", 1)
    assert reason(data) == "object.unknown-transfer-syntax"


def test_an_unknown_private_block() -> None:
    data = _insert(
        builders.to_bytes(builders.instance()),
        element(0x00990010, b"LO", b"NOBODY KNOWS IT"),
        element(0x00991001, b"UN", b"CanarySurname"),
        element(0x00991002, b"SQ", item(element(0x00100010, b"PN", b"CanarySurname"))),
    )
    assert b"NOBODY KNOWS" not in ok(data)


def test_an_encrypted_attribute_set(planted: PlantedStudy) -> None:
    outcome = run({"x": planted.files["EDGE/SEALED"]}, accepting())
    for data in outcome.outputs.values():
        assert "EncryptedAttributesSequence" not in read(data)


def _no_dicom(_: bytes) -> bytes:
    return b"CanarySurname, a letter\n" * 100


def _zeros(data: bytes) -> bytes:
    return data[:400] + bytes(len(data) - 400)


def _length_beyond_the_end(data: bytes) -> bytes:
    at = data.index(b"\x10\0\x10\0PN")
    return data[: at + 6] + b"\xff\xff" + data[at + 8 :]


def _undefined_length_text(data: bytes) -> bytes:
    at = data.index(b"\x10\0\x10\0PN")
    return data[:at] + b"\x10\0\x10\0UT\0\0\xff\xff\xff\xff" + data[at + 8 :]


@pytest.mark.parametrize(
    "damage", [_no_dicom, _zeros, _length_beyond_the_end, _undefined_length_text]
)
def test_one_bad_file_stops_no_other(damage: Callable[[bytes], bytes]) -> None:
    good = [builders.to_bytes(builders.instance(number=n)) for n in (1, 2, 3)]
    files = {"1": good[0], "bad": damage(good[1]), "3": good[2]}
    outcome = run(files, accepting())
    assert set(outcome.outputs) >= {"1", "3"}
    assert all(NAME not in data.lower() for data in outcome.outputs.values())
    assert outcome.outputs["3"] == run({"3": good[2]}, accepting()).outputs["3"]


def test_nested_beyond_reason() -> None:
    deep = element(0x00100010, b"PN", b"CanarySurname")
    for _ in range(2000):
        deep = element(0x00400441, b"SQ", item(deep))
    data = _insert(builders.to_bytes(builders.instance()), deep)
    assert reason(data).startswith("object.")


@pytest.mark.parametrize("option", [Option.RETAIN_MODIFIED_DATES, Option.RETAIN_FULL_DATES])
def test_words_where_dates_are_kept_go(option: Option) -> None:
    ds = builders.instance()
    kept = tables.COLUMNS.index(option.value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for digits, row in tables.profile().items():
            is_one = "x" not in digits and digits != "private"
            vr = tables.dictionary().get(int(digits, 16), "") if is_one else ""
            if row.options[kept] != "-" and vr in {"DA", "TM", "DT", "SH", "LO"}:
                ds.add_new(int(digits, 16), vr, "CanarySurname75")
        data = builders.to_bytes(ds)
    outcome = run({"x": data}, accepting(option))
    assert NAME not in outcome.outputs["x"].lower()


def test_a_recorded_voice_is_refused_unless_the_site_takes_it_upon_itself() -> None:
    ds = builders.instance()
    del ds.PixelData
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = BasicVoiceAudioWaveformStorage
    assert reason(builders.to_bytes(ds)) == "object.voice"


def test_a_document_that_stands_where_none_belongs_is_blanked() -> None:
    ds = builders.instance()
    inner = Dataset()
    inner.EncapsulatedDocument = b"seen by CanarySurname "
    ds.ReferencedImageSequence = [inner]
    ok(builders.to_bytes(ds))


@pytest.mark.parametrize("keep", [0, 2, -2])
def test_pixel_data_shorter_than_the_image_stops_no_other(keep: int, tmp_path: Path) -> None:
    ds = builders.instance(rows=512, columns=512)
    ds.PixelData = ds.PixelData[:keep]
    (tmp_path / "in").mkdir()
    (tmp_path / "in/short").write_bytes(builders.to_bytes(ds))
    (tmp_path / "in/good").write_bytes(builders.to_bytes(builders.instance(number=2)))
    done = run_here(
        "anonymize", tmp_path / "in", "-o", tmp_path / "out", "--accept-risk", "synthetic", "--json"
    )
    assert done.code in {0, 80}, done.stderr
    assert done.document["counts"]["written"] >= 1

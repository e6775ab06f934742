"""What holds for every object, key and order."""

from __future__ import annotations

import io
import multiprocessing
import random
import warnings
from concurrent.futures import ProcessPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from emixcli.anonymize import Anonymizer, DeidError, Option, Profile
from emixcli.deid.keyed import Keyed
from emixcli.deid.verify import Verifier
from tests import builders
from tests.deid.conftest import KEY, Outcome, accepting, run
from tests.planted.study import PlantedStudy, read

OTHER_KEY = bytes(reversed(KEY))
#: Ways to build a profile that treat values differently.
PROFILES = [
    (),
    (Option.RETAIN_MODIFIED_DATES, Option.CLEAN_DESCRIPTORS, Option.CLEAN_STRUCTURED_CONTENT),
    (Option.RETAIN_FULL_DATES, Option.RETAIN_DEVICE, Option.RETAIN_INSTITUTION),
    (Option.RETAIN_SAFE_PRIVATE, Option.CLEAN_GRAPHICS, Option.RETAIN_PATIENT_CHARACTERISTICS),
]


@pytest.fixture(scope="module")
def once(small: PlantedStudy) -> Outcome:
    return run(small.files, accepting())


@pytest.mark.parametrize("options", PROFILES)
def test_doing_it_again_changes_nothing(small: PlantedStudy, options: tuple[Option, ...]) -> None:
    profile = accepting(*options)
    first = run(small.files, profile)
    again = run(first.outputs, profile)
    assert again.refused == {}
    assert [name for name in first.outputs if again.outputs[name] != first.outputs[name]] == []


def test_the_order_does_not_matter(small: PlantedStudy, once: Outcome) -> None:
    names = list(small.files)
    random.Random(5).shuffle(names)
    shuffled = run({name: small.files[name] for name in names}, accepting())
    assert shuffled.outputs == once.outputs
    assert shuffled.refused == once.refused


def test_one_object_alone_comes_out_as_in_company(small: PlantedStudy, once: Outcome) -> None:
    for name, data in small.files.items():
        alone = run({name: data}, accepting())
        assert alone.outputs.get(name) == once.outputs.get(name), name


def _in_another_process(files: dict[str, bytes]) -> dict[str, bytes]:
    return run(files, accepting()).outputs


def test_many_processes_make_the_same(small: PlantedStudy, once: Outcome) -> None:
    names = list(small.files)
    parts = [{name: small.files[name] for name in names[start::3]} for start in range(3)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        found: dict[str, bytes] = {}
        for outputs in pool.map(_in_another_process, parts):
            found |= outputs
    assert found == once.outputs


def test_uids_stay_different(planted: PlantedStudy, basic: Outcome) -> None:
    old = {str(read(data).SOPInstanceUID) for data in planted.files.values()}
    new = [str(read(data).SOPInstanceUID) for data in basic.outputs.values()]
    assert len(set(new)) == len(new)
    assert not old & set(new)
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in new)


_UIDS = st.from_regex(r"[12](\.(0|[1-9][0-9]{0,12})){3,8}", fullmatch=True)


@settings(max_examples=300, deadline=None)
@given(st.sets(_UIDS, min_size=2, max_size=40))
def test_the_map_of_uids_is_injective_and_stays(uids: set[str]) -> None:
    one, other = Keyed(KEY, 100), Keyed(KEY, 100)
    new = {uid: one.uid(uid) for uid in uids}
    assert len(set(new.values())) == len(uids)
    assert {uid: other.uid(uid) for uid in sorted(uids)} == new
    assert {one.uid(uid) for uid in new.values()} == set(new.values())


def test_another_key_gives_other_values(small: PlantedStudy, once: Outcome) -> None:
    other = run(small.files, accepting(), key=OTHER_KEY)
    for name in ("CT/IM0001", "SR/IM0001"):
        one, two = read(once.outputs[name]), read(other.outputs[name])
        assert one.PatientID != two.PatientID
        assert one.StudyInstanceUID != two.StudyInstanceUID


def test_objects_of_a_patient_stay_together(once: Outcome) -> None:
    patients = {
        read(data).PatientID for name, data in once.outputs.items() if not name.startswith("EDGE/")
    }
    assert len(patients) == 1


# -- made-up data sets ---------------------------------------------------------------------------

_WORD = "Zorquandel"
_KEYWORDS = (
    "PatientName", "PatientComments", "OtherPatientNames", "InstitutionName", "OperatorsName",
    "StudyDescription", "ImageComments", "RequestingPhysician", "PatientAddress",
    "ReferringPhysicianName", "AdmittingDiagnosesDescription", "PersonName", "StationName",
    "ManufacturerModelName", "ProtocolName", "TextValue", "UnformattedTextValue", "ContentLabel",
    "CodeMeaning", "DeviceDescription", "ReasonForVisit", "LUTExplanation",
)  # fmt: skip
_SEQUENCES = (
    "ContentSequence", "RequestAttributesSequence", "ReferencedImageSequence",
    "ContributingEquipmentSequence", "ContentItemModifierSequence", "AcquisitionContextSequence",
    "PerFrameFunctionalGroupsSequence", "OriginalAttributesSequence", "ViewCodeSequence",
)  # fmt: skip


@st.composite
def datasets(draw: st.DrawFn, depth: int = 4) -> Dataset:
    """A data set with a name at random places, as the name's own VR or another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _dataset(draw, depth)


def _dataset(draw: st.DrawFn, depth: int) -> Dataset:
    ds = Dataset()
    for keyword in draw(st.lists(st.sampled_from(_KEYWORDS), max_size=5, unique=True)):
        setattr(ds, keyword, draw(st.sampled_from([_WORD, _WORD.upper(), f"x {_WORD}"])))
    if draw(st.booleans()):
        ds.add_new(0x00410010, "LO", draw(st.sampled_from(["SYNTHETIC", "GEMS_ACQU_01"])))
        ds.add_new(0x00411001, draw(st.sampled_from(["LO", "UN", "OB"])), _WORD.encode())
    if depth:
        for keyword in draw(st.lists(st.sampled_from(_SEQUENCES), max_size=2, unique=True)):
            setattr(ds, keyword, draw(st.lists(datasets(depth - 1), max_size=2)))
    return ds


@settings(max_examples=150, deadline=None)
@given(
    datasets(),
    st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian]),
    st.sampled_from(PROFILES),
)
def test_a_name_goes_wherever_it_stands(
    extra: Dataset, syntax: str, options: tuple[Option, ...]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = builders.instance(transfer_syntax=syntax)
        ds.update(extra)
        ds.PatientName = f"{_WORD}^Q"
        data = builders.to_bytes(ds)
    profile = accepting(*options)
    outcome = run({"x": data}, profile)
    for out in outcome.outputs.values():
        assert _WORD.lower().encode() not in out.lower()
        verifier = Verifier(profile)
        verifier.learn(io.BytesIO(data))
        assert verifier.check(io.BytesIO(out)) == []


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_objects_are_refused_or_clean(data: st.DataObject) -> None:
    original = _original()
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(132, len(changed) - 1))
        changed[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))
    source = io.BytesIO(bytes(changed[:cut]))
    try:
        done = Anonymizer(Profile(), KEY).anonymize(source)
    except DeidError as refusal:
        message = str(refusal).lower()
        out = b""
    else:
        message, out = "", b"".join(done.iter_bytes(source))
    assert "zorquandel" not in message
    # A changed byte may spell the name otherwise; what is left of it is no more than a part.
    assert b"zorquandel" not in out.lower()


def _original() -> bytes:
    ds = builders.instance(rows=4, columns=4)
    ds.PatientName = f"{_WORD}^Q"
    ds.OtherPatientNames = f"{_WORD}^R"
    inner = Dataset()
    inner.PersonName = f"{_WORD}^S"
    ds.ContentItemModifierSequence = [inner]
    ds.PatientComments = _WORD
    return builders.to_bytes(ds)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_refused_by_name(data: bytes) -> None:
    for start in (b"", bytes(128) + b"DICM"):
        with pytest.raises(DeidError):
            Anonymizer(Profile(), KEY).anonymize(io.BytesIO(start + data))

"""The tables in the package are those that the generator makes from the standard's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydicom.datadict import dictionary_VR

from emixcli.deid import iods, tables
from emixcli.deid.parse import vr_of
from tests.running import ROOT
from tools.deid_words import vocabulary
from tools.gen_deid import dictionary, technical, uids
from tools.gen_deid import tables as made_tables

SHARED = ROOT.parent / "shared" / "data"
DATA = ROOT / "emixcli" / "data"


def test_tables_are_those_of_the_generator() -> None:
    if not (SHARED / "table_E.1-1.json").is_file():
        pytest.skip("the standard's tables as data are not beside the repository")
    for name, text in made_tables(SHARED).items():
        assert (DATA / name).read_text("utf-8") == text, name


def test_what_needs_pydicom_only_is_up_to_date() -> None:
    assert (DATA / "uids.txt").read_text("utf-8") == uids()
    assert (DATA / "technical.txt").read_text("utf-8") == technical()
    assert (DATA / "vocabulary.txt").read_text("utf-8") == vocabulary()
    stored = (DATA / "dictionary.tsv").read_text("utf-8")
    assert all(line.split("\t")[0] in stored for line in dictionary([]).splitlines())


def test_the_whole_tables_are_there() -> None:
    assert len(tables.profile()) == 656
    assert len(tables.safe_private()) == 479
    assert sum(vr == "SQ" for vr in tables.safe_private().values()) == 55
    assert "SHA-256" in (DATA / "profile.tsv").read_text("utf-8").splitlines()[0]


def test_every_row_has_a_vr() -> None:
    listed = [int(tag, 16) for tag in tables.profile() if re.fullmatch(r"[0-9A-F]{8}", tag)]
    known = tables.dictionary()
    assert not [f"{tag:08X}" for tag in listed if tag >> 16 > 6 and tag not in known]
    for tag in listed:
        if tag >> 16 > 6 and vr_of(tag, "") == "PN":
            assert dictionary_VR(tag) == "PN"


@pytest.mark.parametrize(
    ("sop_class", "tag", "kind"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", 0x00080020, 2),  # CT: Study Date
        ("1.2.840.10008.5.1.4.1.1.2", 0x00100010, 2),  # CT: Patient's Name
        ("1.2.840.10008.5.1.4.1.1.88.11", 0x00080023, 1),  # Basic Text SR: Content Date
        ("1.2.840.10008.5.1.4.1.1.2", 0x00080080, None),  # CT: Institution Name
    ],
)
def test_types_in_iods(sop_class: str, tag: int, kind: int | None) -> None:
    assert iods.types_of(sop_class).get(tag) == kind


def test_an_unknown_iod_gets_the_strictest_types() -> None:
    assert iods.types_of("1.2.840.10008.5.1.4.1.1.6")[0x00080023] == 1


def test_types_below_sequences() -> None:
    assert iods.types_in(0x0040A073)[0x0040A075] == 1  # Verifying Observer Name
    assert iods.types_in(0x00091001) == {}


def test_the_package_has_no_path_of_this_machine() -> None:
    for path in Path(DATA).glob("*.t*"):
        assert "/" + "work" not in path.read_text("utf-8")

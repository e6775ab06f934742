"""`emix salvage` saves every readable byte, repairs heads only, and never writes the medium."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless

from emixcli.media.sources import open_source
from emixcli.services.saved_names import NewPlaces
from tests.builders import file_set, has_xorriso, instance, iso, study, to_bytes
from tests.running import Result
from tests.unit.services.test_diagnose import save_map

Run = Callable[..., Result]


def test_whole_files_come_out_bit_for_bit(tmp_path: Path, emix_here: Run) -> None:
    paths = study(tmp_path / "disc", series=2)
    (tmp_path / "disc/read me ünïcode.txt").write_text("hello")
    before = {p: p.read_bytes() for p in (tmp_path / "disc").rglob("*") if p.is_file()}
    done = emix_here("salvage", tmp_path / "disc", "-o", tmp_path / "saved", "--json")
    assert done.code == 0
    assert done.document["counts"] == {
        "whole": len(paths) + 1, "damaged": 0, "repaired": 0, "not_copied": 0,
        "carved": 0, "missing": 0,
    }  # fmt: skip
    for path, content in before.items():
        saved = tmp_path / "saved/files" / path.relative_to(tmp_path / "disc")
        assert saved.read_bytes() == content
        assert path.read_bytes() == content


def test_heads_are_repaired_and_data_sets_stay_as_they_are(tmp_path: Path, emix_here: Run) -> None:
    whole = to_bytes(instance())
    folder = tmp_path / "disc"
    folder.mkdir()
    (folder / "no-preamble").write_bytes(whole[132:])
    (folder / "prefix-first").write_bytes(to_bytes(instance(number=4))[128:])
    dataset = whole[_meta_end(whole) :]
    (folder / "no-meta").write_bytes(to_bytes(instance(number=2))[_meta_end(whole) :])
    wrong = to_bytes(instance(number=3)).replace(
        ExplicitVRLittleEndian.encode() + b"\0", ExplicitVRBigEndian.encode() + b"\0", 1
    )
    (folder / "wrong-syntax").write_bytes(wrong)
    long = bytearray(to_bytes(instance(number=5)))
    long[140:144] = (9999).to_bytes(4, "little")
    (folder / "wrong-length").write_bytes(long)
    done = emix_here("salvage", folder, "-o", tmp_path / "saved", "--json")
    assert done.document["counts"]["repaired"] == 5
    assert {one["path"]: one["done"] for one in done.document["repairs"]} == {
        "no-preamble": ["preamble added"],
        "prefix-first": ["preamble added"],
        "no-meta": ["preamble added", "meta group added"],
        "wrong-length": ["length of the meta group corrected"],
        "wrong-syntax": ["transfer syntax in the meta group corrected"],
    }
    for name in ("no-preamble", "prefix-first", "no-meta", "wrong-syntax", "wrong-length"):
        repaired = dcmread(tmp_path / "saved/repaired" / name)
        assert repaired.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert repaired.pixel_array.size
    assert (tmp_path / "saved/repaired/no-preamble").read_bytes().endswith(dataset)


def _meta_end(content: bytes) -> int:
    """Return where the data set begins: behind a group length that counts from its own end."""
    length = int.from_bytes(content[140:144], "little")
    return 144 + length


def test_files_that_came_damaged_are_not_passed_off_as_whole(
    tmp_path: Path, emix_here: Run
) -> None:
    paths = study(tmp_path / "disc", series=1, instances=3)
    paths[1].write_bytes(bytes(paths[1].stat().st_size))
    done = emix_here("salvage", tmp_path / "disc", "-o", tmp_path / "saved")
    assert done.code == 3
    assert "3 files read whole" in done.stdout
    assert "1 file of these came damaged" in done.stdout
    assert "same --image" not in done.stderr  # there was none
    assert "copy the folder again" in done.stderr
    losses = json.loads((tmp_path / "saved/LOSSES.json").read_text("utf-8"))
    assert [one["reason"] for one in losses["spoilt"]] == ["filled with zero bytes"]


@pytest.mark.skipif(not has_xorriso(), reason="xorriso is not installed")
def test_what_is_lost_is_zeros_listed_and_apart(tmp_path: Path, emix_here: Run) -> None:
    paths = study(tmp_path / "files", series=1, instances=4, rows=64, columns=64)
    image = iso(tmp_path / "disc.iso", file_set(tmp_path / "disc", paths))
    source = open_source(str(image))
    names = [file.path for file in source.iter_files() if "DICOMDIR" not in file.path]
    start = source.extents(names[1])[0][0]
    source.close()
    save_map(image, [(start + 2048, 2048)])
    done = emix_here("salvage", image, "-o", tmp_path / "saved", "--json")
    assert done.code == 3
    assert done.document["counts"]["damaged"] == 1
    assert done.document["bytes_lost"] == 2048
    (damaged,) = [p for p in (tmp_path / "saved/damaged").rglob("*") if p.is_file()]
    content = damaged.read_bytes()
    original = image.read_bytes()[start : start + len(content)]
    assert content == original[:2048] + bytes(2048) + original[4096:]
    assert json.loads((tmp_path / "saved/LOSSES.json").read_text())["bytes_lost"] == 2048
    assert "partly lost" in (tmp_path / "saved/LOSSES.html").read_text("utf-8")


@pytest.mark.skipif(not has_xorriso(), reason="xorriso is not installed")
def test_the_disc_is_copied_first_and_the_copy_used(tmp_path: Path, emix_here: Run) -> None:
    paths = study(tmp_path / "files", series=1)
    disc = iso(tmp_path / "disc.iso", file_set(tmp_path / "disc", paths))
    copy = tmp_path / "copy.iso"
    done = emix_here("salvage", disc, "-o", tmp_path / "saved", "--image", copy)
    assert done.code == 0
    assert copy.read_bytes() == disc.read_bytes()
    assert (tmp_path / "copy.iso.map").exists()
    two = emix_here("salvage", disc, disc, "-o", tmp_path / "two", "--image", copy)
    assert two.code == 2


def test_the_new_folder_is_never_on_the_medium(tmp_path: Path, emix_here: Run) -> None:
    study(tmp_path / "disc", series=1)
    assert emix_here("salvage", tmp_path / "disc", "-o", tmp_path / "disc/out").code == 40
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").touch()
    assert emix_here("salvage", tmp_path / "disc", "-o", tmp_path / "full").code == 41


def test_compressed_pixels_without_end_mark_get_one(tmp_path: Path, emix_here: Run) -> None:
    whole = to_bytes(instance(transfer_syntax=RLELossless))
    mark = bytes.fromhex("feffdde000000000")
    assert whole.endswith(mark)
    (tmp_path / "disc").mkdir()
    (tmp_path / "disc/open").write_bytes(whole[:-8])
    (tmp_path / "disc/cut").write_bytes(
        to_bytes(instance(number=2, transfer_syntax=RLELossless))[:-20]
    )
    done = emix_here("salvage", tmp_path / "disc", "-o", tmp_path / "saved", "--json")
    assert [(one["path"], one["done"]) for one in done.document["repairs"]] == [
        ("open", ["end mark of compressed pixels added"])
    ]
    assert (tmp_path / "saved/repaired/open").read_bytes() == whole
    assert (tmp_path / "saved/files/open").read_bytes() == whole[:-8]


def test_names_cannot_steer_a_terminal(tmp_path: Path, emix_here: Run) -> None:
    study(tmp_path / "disc", series=1, instances=1)
    (tmp_path / "disc/a\x9b1m\u202egpj.exe").write_bytes(b"MZ")
    done = emix_here("salvage", tmp_path / "disc", "-o", tmp_path / "saved")
    assert (tmp_path / "saved/files/a_1m_gpj.exe").exists()
    assert "1 file under another name" in done.stdout
    (renamed,) = json.loads((tmp_path / "saved/LOSSES.json").read_text("utf-8"))["renamed"]
    assert (renamed["path"], renamed["name"]) == ("a\x9b1m\u202egpj.exe", "files/a_1m_gpj.exe")


def test_names_that_become_equal_are_all_there(tmp_path: Path, emix_here: Run) -> None:
    study(tmp_path / "disc", series=1, instances=1)
    (tmp_path / "disc/x:").write_bytes(b"file")
    (tmp_path / "disc/x?").write_bytes(b"another")
    (tmp_path / "disc/x_").mkdir()
    for name in ("y:", "y?", "y_"):
        (tmp_path / "disc/x_" / name).write_bytes(name.encode())
    done = emix_here("salvage", tmp_path / "disc", "-o", tmp_path / "saved", "--json")
    assert done.code == 0
    saved = {
        str(path.relative_to(tmp_path / "saved/files")): path.read_bytes()
        for path in (tmp_path / "saved/files").rglob("[xy]*")
        if path.is_file()
    }
    assert saved == {
        "x_": b"file", "x_~2": b"another",
        "x_~3/y_": b"y:", "x_~3/y_~2": b"y?", "x_~3/y_~3": b"y_",
    }  # fmt: skip


def test_many_names_that_become_equal_cost_no_more_each(tmp_path: Path) -> None:
    n_looks = 0

    class Counting(type(tmp_path)):  # type: ignore[misc] # the class is the system's
        def exists(self) -> bool:
            nonlocal n_looks
            n_looks += 1
            return bool(super().exists())

    places = NewPlaces(Counting(tmp_path))
    for _ in range(200):
        places.make("files/b").touch()
    assert len(list((tmp_path / "files").iterdir())) == 200
    assert n_looks < 3 * 200


def test_names_and_paths_that_no_system_takes_are_shortened(tmp_path: Path, emix_here: Run) -> None:
    with ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("a" * 300 + ".txt", b"a")
        archive.writestr("ü" * 300, b"u")
        archive.writestr("/".join(["d" * 200] * 30) + "/deep.txt", b"deep")
    emix_here("salvage", tmp_path / "export.zip", "-o", tmp_path / "saved")
    saved = {path.name: path.read_bytes() for path in (tmp_path / "saved/files").iterdir()}
    assert saved == {"a" * 226 + ".txt": b"a", "ü" * 115: b"u", "deep.txt": b"deep"}


@pytest.mark.skipif(not has_xorriso(), reason="xorriso is not installed")
def test_an_image_of_another_disc_is_not_gone_on_with(tmp_path: Path, emix_here: Run) -> None:
    discs = []
    for number in (1, 2):
        study(tmp_path / f"disc{number}", series=1, instances=3, number=number)
        discs.append(iso(tmp_path / f"{number}.iso", tmp_path / f"disc{number}"))
    image = tmp_path / "copy.iso"
    assert emix_here("salvage", discs[0], "-o", tmp_path / "a", "--image", image).code == 0
    again = emix_here("salvage", discs[0], "-o", tmp_path / "a", "--image", image)
    assert again.code == 41
    assert "give another folder with -o" in again.stderr
    assert emix_here("salvage", discs[0], "-o", tmp_path / "a2", "--image", image).code == 0
    other = emix_here("salvage", discs[1], "-o", tmp_path / "b", "--image", image)
    assert other.code == 41
    assert "another disc" in other.stderr
    assert "another name with --image" in other.stderr
    assert not (tmp_path / "b").exists()
    assert image.read_bytes() == discs[0].read_bytes()


def test_what_is_said_at_the_end_is_true(tmp_path: Path, emix_here: Run) -> None:
    paths = study(tmp_path / "disc", series=1, instances=3)
    whole = emix_here("salvage", tmp_path / "disc", "-o", tmp_path / "1")
    assert whole.code == 0
    assert "nothing is lost" in whole.stdout
    assert "LOSSES.html" not in whole.stdout
    (tmp_path / "empty").mkdir()
    assert emix_here("salvage", tmp_path / "empty", "-o", tmp_path / "2").code == 21
    (tmp_path / "notes.txt").write_text("no image")
    assert emix_here("salvage", tmp_path / "notes.txt", "-o", tmp_path / "3").code == 21
    paths[0].write_bytes(paths[0].read_bytes()[:-100])
    cut = emix_here("salvage", tmp_path / "disc", "-o", tmp_path / "4")
    assert cut.code == 3
    assert "lost: 1 file that came damaged" in cut.stderr
    assert "copy the folder again" in cut.stderr
    assert "DRIVE" not in cut.stderr
    folder = file_set(tmp_path / "set", study(tmp_path / "more", series=1, instances=3))
    next(path for path in folder.rglob("IM*") if path.is_file()).unlink()
    gone = emix_here("salvage", folder, "-o", tmp_path / "5")
    assert gone.code == 3
    assert "lost: 1 object that only a DICOMDIR names" in gone.stderr
    assert "second disc" in gone.stderr

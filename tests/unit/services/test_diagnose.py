"""`emix diagnose` names images of series, not sectors; its page needs nothing else."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread

from emixcli.media.sources import open_source
from emixcli.services.diagnose import diagnose
from tests.builders import CANARY, OTHER_CANARY, file_set, has_xorriso, iso, study, zip_of
from tests.hearing import Heard
from tests.running import Result

Run = Callable[..., Result]


def save_map(image: Path, bad: list[tuple[int, int]]) -> None:
    """Write a mapfile of ddrescue that says which bytes of an image could not be read."""
    lines, at = ["0x0 + 1"], 0
    for start, length in sorted(bad):
        lines += [f"{at:#x} {start - at:#x} +", f"{start:#x} {length:#x} -"]
        at = start + length
    lines.append(f"{at:#x} {image.stat().st_size - at:#x} +")
    image.with_name(image.name + ".map").write_text("# Mapfile.\n" + "\n".join(lines) + "\n")


@pytest.mark.skipif(not has_xorriso(), reason="xorriso is not installed")
def test_bad_sectors_become_images_of_a_series(tmp_path: Path, emix_here: Run) -> None:
    paths = study(tmp_path / "files", series=2, instances=6, rows=64, columns=64)
    image = iso(tmp_path / "disc.iso", file_set(tmp_path / "disc", paths))
    source = open_source(str(image))
    names = [file.path for file in source.iter_files()]
    extents = [source.extents(name)[0] for name in names if "DICOMDIR" not in name]
    source.close()
    # The second sector of two neighbours: their headers can be read, their pixels cannot.
    save_map(image, [(extents[2][0] + 2048, 2048), (extents[3][0] + 2048, 2048)])
    done = emix_here("diagnose", image, "--json", "--html", tmp_path / "page.html")
    assert done.code == 3
    found = done.document
    damaged = [series["damaged"] for series in found["series_state"]]
    assert sorted(damaged) == [0, 2]
    assert found["media"][0]["bad"] == [
        [extents[2][0] + 2048, extents[2][0] + 4096],
        [extents[3][0] + 2048, extents[3][0] + 4096],
    ]
    assert len(found["losses"]) == 2
    assert all(loss["known_from"] == "header" for loss in found["losses"])
    assert len(found["ask_for"]) == 1


@pytest.mark.skipif(not has_xorriso(), reason="xorriso is not installed")
def test_what_another_medium_has_is_not_asked_for(tmp_path: Path, emix_here: Run) -> None:
    paths = study(tmp_path / "files", series=1, instances=4, rows=64, columns=64)
    image = iso(tmp_path / "disc.iso", file_set(tmp_path / "disc", paths))
    source = open_source(str(image))
    extents = [source.extents(file.path)[0] for file in source.iter_files()]
    source.close()
    save_map(image, [extents[2]])
    alone = emix_here("diagnose", image, "--json")
    assert [loss["known_from"] for loss in alone.document["losses"]] == ["dicomdir"]
    assert len(alone.document["ask_for"]) == 1
    both = emix_here("diagnose", image, tmp_path / "files", "--json")
    assert both.code == 0
    assert len(both.document["losses"]) == 1
    assert both.document["ask_for"] == []


def test_images_that_the_directory_names_and_gaps_are_asked_for(
    tmp_path: Path, emix_here: Run
) -> None:
    paths = study(tmp_path / "files", series=1, instances=8)
    folder = file_set(tmp_path / "disc", paths)
    lost = next(p for p in sorted(folder.rglob("*")) if p.is_file() and _number(p) == 4)
    lost.unlink()
    found = emix_here("diagnose", folder, "--json").document
    assert found["series_state"][0]["missing"] == 1
    assert found["ask_for"] == [f"2024-05-01, {CANARY.description}, series 1: image 4"]
    (folder / "DICOMDIR").unlink()
    found = emix_here("diagnose", folder, "--json").document
    assert found["series_state"][0]["gap"] == 1
    assert found["ask_for"][0].endswith("series 1: 1 slice in gaps (estimated)")


def _number(path: Path) -> int:
    return -1 if path.name == "DICOMDIR" else int(dcmread(path).InstanceNumber)


def test_a_whole_medium_is_said_to_be_whole(tmp_path: Path, emix_here: Run) -> None:
    study(tmp_path / "disc", series=1)
    page = tmp_path / "page.html"
    done = emix_here("diagnose", tmp_path / "disc", "--full", "--html", page)
    assert done.code == 0
    assert "every byte could be read" in done.stdout
    assert "Nothing is missing" in page.read_text("utf-8")


def test_reading_every_byte_finds_what_a_scan_finds(tmp_path: Path) -> None:
    paths = study(tmp_path / "files", series=2, instances=4)
    folder = file_set(tmp_path / "disc", paths)
    images = [path for path in sorted(folder.rglob("*")) if path.is_file() and _number(path) > 0]
    images[1].write_bytes(images[1].read_bytes()[:-100])
    images[2].write_bytes(bytes(5000))
    (folder / "OUT").symlink_to(tmp_path)
    heard = Heard()
    whole = diagnose([str(folder)], full=True, progress=heard)
    found = [finding for finding in whole.file_set.findings if finding.code != "S07"]
    scanned = diagnose([str(folder)]).file_set
    assert whole.file_set._replace(findings=tuple(found)) == scanned
    assert {"D07", "F09", "S04"} <= {finding.code for finding in found}
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    decoding = [name for name, _ in heard.told].index("decoding images")
    assert heard.told[0] == ("reading every byte bytes", size)
    assert sum(n or 0 for _, n in heard.told[1:decoding]) == size


def test_the_page_is_inert_and_shows_the_images(tmp_path: Path, emix_here: Run) -> None:
    evil = "<script>alert(1)</script>"
    study(tmp_path / "disc", series=1, extra={"SeriesDescription": evil})
    page = tmp_path / "page.html"
    emix_here("diagnose", tmp_path / "disc", "--html", page)
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "default-src 'none'" in text
    assert re.search(r'src="data:image/png;base64,[A-Za-z0-9+/=]{100,}"', text)


def test_a_page_is_never_written_over_or_into_the_medium(tmp_path: Path, emix_here: Run) -> None:
    study(tmp_path / "disc", series=1)
    page = tmp_path / "page.html"
    page.write_text("mine")
    assert emix_here("diagnose", tmp_path / "disc", "--html", page).code == 41
    assert page.read_text() == "mine"
    assert emix_here("diagnose", tmp_path / "disc", "--html", tmp_path / "disc/p.html").code == 40
    assert emix_here("diagnose", tmp_path / "disc", "--html", tmp_path / "no/p.html").code == 40


@pytest.mark.skipif(not has_xorriso(), reason="xorriso is not installed")
def test_of_a_cut_disc_what_lies_behind_its_end_is_asked_for(
    tmp_path: Path, emix_here: Run
) -> None:
    paths = study(tmp_path / "files", series=2, instances=8, rows=128, columns=128)
    image = iso(tmp_path / "disc.iso", file_set(tmp_path / "disc", paths))
    content = image.read_bytes()
    image.write_bytes(content[: len(content) // 2])
    page = tmp_path / "page.html"
    found = emix_here("diagnose", image, "--json", "--html", page).document
    assert "M02" in {finding["code"] for finding in found["findings"]}
    # All directories are there: what is lost is known by its numbers.
    assert found["ask_for"] == [f"2024-05-01, {CANARY.description}, series 2: images 4-8"]
    assert found["media"][0]["bad"][-1][1] > image.stat().st_size
    text = page.read_text("utf-8")
    assert 'class="verdict bad">5 images are lost' in text
    assert "behind the end of this copy" in text
    assert "<b class=bad>" in text


@pytest.mark.skipif(not has_xorriso(), reason="xorriso is not installed")
def test_a_disc_without_directories_is_not_whole(tmp_path: Path, emix_here: Run) -> None:
    study(tmp_path / "files", series=1)
    image = iso(tmp_path / "disc.iso", tmp_path / "files")
    source = open_source(str(image))
    start = min(source.extents(file.path)[0][0] for file in source.iter_files())
    source.close()
    content = image.read_bytes()
    image.write_bytes(content[: 16 * 2048] + bytes(start - 16 * 2048) + content[start:])
    package = tmp_path / "a.emix.html"
    assert not emix_here("scan", image, "--json").document["unreadable"]
    for command in (
        ("scan", image), ("diagnose", image),
        ("pack", image, "-o", package, "--code-out", tmp_path / "code"),
        ("anonymize", image, "-o", tmp_path / "clean"),
    ):  # fmt: skip
        done = emix_here(*command)
        assert done.code == 3, command
        assert "directories of the medium are lost" in done.stderr
        assert "lists them" not in done.stderr
    assert package.exists()


def test_a_number_that_no_integer_takes(tmp_path: Path) -> None:
    first, second = study(tmp_path / "disc", series=1, instances=2)
    ds = dcmread(first)
    ds[0x00200013]._value = "9" * 5000
    ds.save_as(first)
    first.write_bytes(first.read_bytes()[:-20])
    second.write_bytes(second.read_bytes()[:-20])
    (asked,) = diagnose([str(tmp_path / "disc")]).requests
    assert asked.endswith("series 1: image 2 and 1 image without number")


def one_rule(done: Result, page: Path) -> None:
    """Headline, colour, what is asked for and exit code say one thing."""
    text = page.read_text("utf-8")
    is_whole = 'class="verdict">' in text
    assert is_whole == ("Nothing is missing" in text)
    assert is_whole == (done.code == 0)
    assert is_whole == (not done.document["ask_for"])
    assert is_whole == ("Please send again" not in text)


@pytest.mark.skipif(not has_xorriso(), reason="xorriso is not installed")
def test_a_study_that_was_removed_is_asked_for_by_its_own_words(
    tmp_path: Path, emix_here: Run
) -> None:
    paths = study(tmp_path / "1", series=1, instances=3)
    gone = study(
        tmp_path / "2", series=1, instances=2, number=2,
        extra={"StudyDescription": "Schädel", "StudyDate": "20230102",
               "SpecificCharacterSet": "ISO_IR 192"},
    )  # fmt: skip
    folder = file_set(tmp_path / "disc", [*paths, *gone])
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "DICOMDIR" and dcmread(path).StudyDate == "20230102":
            path.unlink()
    for medium in (folder, iso(tmp_path / "x.iso", folder)):
        page = tmp_path / f"{medium.name}.html"
        done = emix_here("diagnose", medium, "--json", "--html", page)
        assert done.code == 23
        assert done.document["ask_for"] == ["2023-01-02, Schädel, series 1: images 1-2"]
        one_rule(done, page)
        assert "2023-01-02 · Schädel · nothing of this study is here" in page.read_text("utf-8")
        assert (
            "missing  2023-01-02, Schädel, series 1: images 1-2" in emix_here("scan", medium).stdout
        )


@pytest.mark.skipif(not has_xorriso(), reason="xorriso is not installed")
def test_two_damaged_copies_of_one_disc_make_one_whole(tmp_path: Path, emix_here: Run) -> None:
    paths = study(tmp_path / "files", series=2, instances=8, rows=64, columns=64)
    folder = file_set(tmp_path / "disc", paths)
    (folder / "README.TXT").write_text("please read " * 500)
    image = iso(tmp_path / "whole.iso", folder)
    data = image.read_bytes()
    second = iso(tmp_path / "bad.iso", folder)
    second.write_bytes(data)
    source = open_source(str(second))
    places = [source.extents(file.path)[0] for file in source.iter_files()]
    source.close()
    (tmp_path / "cut.iso").write_bytes(data[: places[-6][0] + 3000])
    save_map(second, [places[2], places[3]])
    both = (tmp_path / "cut.iso", second)
    for one in both:
        assert emix_here("diagnose", one).code == 3
    for media in (both, both[::-1]):
        page = tmp_path / f"{media[0].name}.html"
        done = emix_here("diagnose", *media, "--json", "--html", page)
        assert done.document["counts"]["instances"] == 16
        assert done.document["counts"]["unreadable"] == 0
        assert done.code == 0
        one_rule(done, page)
        codes = {one["code"]: one["severity"] for one in done.document["findings"]}
        assert "M19" in codes
        assert "LOSS" not in codes.values()


def test_a_damaged_archive_tells_one_thing_everywhere(tmp_path: Path, emix_here: Run) -> None:
    paths = study(tmp_path / "files", series=1, instances=12, rows=64, columns=64)
    folder = file_set(tmp_path / "disc", paths)
    archive = zip_of(tmp_path / "x.zip", folder, stored=True)
    data = bytearray(archive.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = random.Random(1).randbytes(20_000)
    archive.write_bytes(data)
    asked = []
    for options in ((), ("--full",)):
        page = tmp_path / f"{len(options)}.html"
        done = emix_here("diagnose", archive, "--json", "--html", page, *options)
        one_rule(done, page)
        asked.append(done.document["ask_for"])
        finding = next(one for one in done.document["findings"] if one["code"] == "M18")
        assert finding["count"] == done.document["counts"]["unreadable"] == 3
        assert len(done.document["losses"]) == 3
        assert "3 images are lost" in page.read_text("utf-8")
        assert "clean" not in done.stdout + done.stderr
    assert asked[0] == asked[1]
    saved = emix_here("salvage", archive, "-o", tmp_path / "saved", "--json")
    assert saved.document["ask_for"] == asked[0]
    assert saved.code == 3


def test_damage_in_the_middle_of_an_archived_image_is_told(tmp_path: Path, emix_here: Run) -> None:
    paths = study(tmp_path / "files", series=1, instances=2, rows=1024, columns=1024)
    assert paths[0].stat().st_size > 2 * 1024 * 1024, "more than is read at once"
    archive = zip_of(tmp_path / "x.zip", file_set(tmp_path / "disc", paths), stored=True)
    data = bytearray(archive.read_bytes())
    data[len(data) // 4] ^= 1
    archive.write_bytes(data)
    assert emix_here("diagnose", archive).code == 0, "headers are whole"
    for done in (
        emix_here("diagnose", archive, "--full", "--json"),
        emix_here("salvage", archive, "-o", tmp_path / "saved", "--json"),
    ):
        assert done.code == 3
        assert {one["code"]: one["count"] for one in done.document["findings"]}["M18"] == 1
        assert len(done.document["losses"]) == 1
        assert len(done.document["ask_for"]) == 1


def test_an_archive_without_its_directory_is_not_whole(tmp_path: Path, emix_here: Run) -> None:
    paths = study(tmp_path / "files", series=1, instances=3)
    archive = zip_of(tmp_path / "x.zip", file_set(tmp_path / "disc", paths))
    data = bytearray(archive.read_bytes())
    middle = (data.index(b"PK\1\2") + len(data)) // 2
    data[middle - 40 : middle + 40] = bytes(80)
    archive.write_bytes(data)
    page = tmp_path / "page.html"
    done = emix_here("diagnose", archive, "--full", "--json", "--html", page)
    assert done.code == 3
    one_rule(done, page)
    assert "every byte could be read" not in emix_here("diagnose", archive, "--full").stdout


def test_what_is_estimated_is_told_from_what_is_known(tmp_path: Path, emix_here: Run) -> None:
    paths = study(tmp_path / "disc", series=1, instances=9)
    paths[3].unlink()
    paths[7].write_bytes(paths[7].read_bytes()[:-50])
    page = tmp_path / "page.html"
    done = emix_here("diagnose", tmp_path / "disc", "--json", "--html", page)
    one_rule(done, page)
    text = page.read_text("utf-8")
    assert "1 image is lost in whole or in part. About 1 slice seems to be missing: an" in text
    paths[7].unlink()
    gaps = tmp_path / "gaps.html"
    done = emix_here("diagnose", tmp_path / "disc", "--json", "--html", gaps)
    assert done.code == 23
    one_rule(done, gaps)
    assert 'class="verdict doubt">About' in gaps.read_text("utf-8")


def test_the_page_says_when_and_of_what_it_is_and_advises_only_its_reader(
    tmp_path: Path, emix_here: Run
) -> None:
    study(tmp_path / "PETERSEN", series=1, instances=1)
    other = study(tmp_path / "PETERSEN/x", series=1, instances=2, number=2, phi=OTHER_CANARY)
    other[0].write_bytes(other[0].read_bytes()[:-50])
    page = tmp_path / "page.html"
    emix_here("diagnose", tmp_path / "PETERSEN", "--html", page)
    text = page.read_text("utf-8")
    assert re.search(r"PETERSEN: checked on \d{4}-\d\d-\d\d at \d\d:\d\d, headers", text)
    for ours in ("emix salvage", "--patient", "try another drive"):
        assert ours not in text


def test_no_two_lines_of_what_is_asked_for_mean_the_same(tmp_path: Path, emix_here: Run) -> None:
    alike = replace(CANARY, accession="B-2")
    paths = study(tmp_path / "1", series=1, instances=3)
    paths += study(tmp_path / "2", series=1, instances=3, number=2, phi=alike)
    folder = file_set(tmp_path / "disc", paths)
    for path in folder.rglob("*"):
        if path.is_file() and _number(path) == 2:
            path.unlink()
    asked = emix_here("diagnose", folder, "--json").document["ask_for"]
    words = f"2024-05-01, {CANARY.description}, accession"
    assert sorted(asked) == [
        f"{words} B-2, series 1: image 2", f"{words} {CANARY.accession}, series 1: image 2",
    ]  # fmt: skip
    other = study(tmp_path / "3", series=1, instances=1, number=3, phi=OTHER_CANARY)
    other[0].rename(folder / "MORE")
    asked = emix_here("diagnose", folder, "--json").document["ask_for"]
    assert all(line.startswith(CANARY.name.replace("^", " ")) for line in asked)

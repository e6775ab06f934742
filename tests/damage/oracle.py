"""Compares what is saved and told of a damaged disc with the truth about it."""

from __future__ import annotations

from pathlib import Path

from emixcli.errors import MediaError
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import SECTOR
from emixcli.media.sources import Source
from emixcli.services.salvage import Salvaged, document, salvage_sources
from tests.damage.discs import Disc, Places, hit


class Verdict:
    """What `salvage` made of a disc with bad sectors, beside the truth; each check asserts."""

    def __init__(self, disc: Disc, bad: Ranges, source: Source, folder: Path) -> None:
        self.disc, self.bad = disc, bad
        self.saved: Salvaged = salvage_sources([source], ["disc"], folder)
        self.document = document(self.saved)
        self.codes = {finding["code"] for finding in self.document["findings"]}
        begins = {places[0][0]: name for name, places in disc.places.items()}
        self.carved = {one["path"] for one in self.document["carved"]}
        #: True names by the paths under which the files were found.
        self.names = {
            file.path: begins[source.extents(file.path)[0][0]] for file in source.iter_files()
        }
        self.files = _tree(folder / "files")
        self.damaged = _tree(folder / "damaged")

    def check(self) -> None:
        """Check everything."""
        self._check_files()
        self._check_losses()
        self._check_objects()
        self._check_silence()

    def _check_files(self) -> None:
        """Whole files are whole, damaged ones have zeros in the right places."""
        truth, lost = self.disc.files, self.disc.damaged(self.bad)
        for path, content in self.files.items():
            assert content == truth[self.names[path]], path
        for path, content in self.damaged.items():
            name = self.names[path]
            wanted = zeroed(truth[name], self.disc.lost(name, self.bad))
            if path in self.carved:  # to the end of its last sector, or of what can be followed
                assert wanted.ljust(-(-len(wanted) // SECTOR) * SECTOR, b"\0").startswith(content)
            else:
                assert content == wanted, path
        empty = {one["path"] for one in self.document["not_copied"]}
        assert {*self.files, *self.damaged, *empty} == set(self.names)
        saved = {self.names[path] for path in self.files}
        for name in truth.keys() - lost - saved:
            # Only what is no DICOM object can be out of reach, where no directory names it.
            assert name not in self.disc.uids, name
            assert "M04" in self.codes, name

    def _check_losses(self) -> None:
        """Each loss that is told is one, with its bytes; each of a file that is named is told."""
        lost = self.disc.damaged(self.bad)
        told = {one["path"]: one for one in self.document["losses"]}
        for path, one in told.items():
            name = self.names[path]
            assert name in lost, path
            ranges = [tuple(found) for found in one["ranges"]]
            if path not in self.carved:
                assert ranges == self.disc.lost(name, self.bad), path
            assert one["sop_instance_uid"] in ("", self.disc.uids.get(name)), path
        assert {self.names[path] for path in told} == lost & set(self.names.values())

    def _check_objects(self) -> None:
        """The objects that are told to be lost are those that are, with their names."""
        true = {self.disc.uids[name] for name in self.disc.damaged(self.bad) & set(self.disc.uids)}
        told = {one["sop_instance_uid"] for one in self.document["losses"]}
        missing = {one["sop_instance_uid"] for one in self.document["missing"]}
        assert (told | missing) - {""} <= true
        for name, uid in self.disc.uids.items():
            if uid in true - told - missing:
                # Nobody can say what it was: its first sector and its record are lost.
                start = self.disc.places[name][0][0]
                assert self.bad.first(start, start + SECTOR), name
                directory, record = self.disc.records[uid]
                assert directory not in self.names.values() or hit([record], self.bad), name
        file_set = self.saved.diagnosis.file_set
        read = {one.text("SOPInstanceUID") for one in file_set.iter_instances()}
        assert read - true == set(self.disc.uids.values()) - true

    def _check_silence(self) -> None:
        """Where something is lost it is said, and where nothing is, nothing is said."""
        lost = self.disc.damaged(self.bad)
        if lost or set(self.names.values()) != set(self.disc.files):
            assert not self.saved.is_whole
        if lost & set(self.disc.uids):
            assert self.saved.diagnosis.requests or self.codes & {"M01", "M04", "D05"}
        known = [place for places in self.disc.places.values() for place in places]
        outside = Ranges(known).gaps(0, len(self.disc.data))
        if not hit(outside, self.bad):
            assert not self.codes & {"M03", "M04", "M14", "M15"}


def zeroed(content: bytes, ranges: Places) -> bytes:
    """Return content with zeros in some places."""
    out = bytearray(content)
    for start, stop in ranges:
        out[start:stop] = bytes(stop - start)
    return bytes(out)


def nothing_is_left(disc: Disc, bad: Ranges) -> bool:
    """Whether a refusal is right: no object has its first sector."""
    heads = [disc.places[name][0][0] for name in disc.uids]
    return all(bad.first(head, head + SECTOR) for head in heads)


def judge(disc: Disc, bad: Ranges, open_disc: object, folder: Path) -> Verdict | None:
    """Save a disc and check the result; None where it was refused, rightly."""
    assert callable(open_disc)
    try:
        source = open_disc()
    except MediaError:
        assert nothing_is_left(disc, bad)
        return None
    try:
        verdict = Verdict(disc, bad, source, folder)
    finally:
        source.close()
    verdict.check()
    return verdict


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }

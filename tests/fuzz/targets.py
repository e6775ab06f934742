"""What is fuzzed: every reader of bytes that come from others, with bytes to begin with.

On any bytes a reader returns, or raises an `EmixError`.
"""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from emixcli.container.encoding import from_json
from emixcli.container.identity import Identity, new_identity, parse_identity
from emixcli.container.manifest_reader import load_manifest
from emixcli.container.reader import read_head
from emixcli.container.sealed_request import open_sealed, seal
from emixcli.container.zipreader import read_directory
from emixcli.demo.iso import IsoWriter
from emixcli.errors import EmixError
from emixcli.media.dicomdir import Directory
from emixcli.media.disc.carving import carve
from emixcli.media.disc.images import nero_tracks, place_tracks, read_cue
from emixcli.media.disc.mapfile import Mapfile
from emixcli.media.disc.tracks import raw_tracks
from emixcli.media.header import HeaderReader, read_header
from emixcli.media.sniff import document_kind
from emixcli.media.sources.base import StreamBytes
from emixcli.media.sources.contents import archive_in
from emixcli.reports.reading import load
from emixcli.services.asked import asked_of
from tests import builders, hostile
from tests.udfimage import UdfImage

#: Of a file in an archive, no more is read.
_MOST = 1 << 20
_MAX_ENTRIES = 200
_REPORTS = ("hl7v2", "cda", "ccr", "rtf", "text", "pdf", "dicom")


@dataclass(frozen=True)
class Target:
    """A reader, and what to begin with."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]

    def __call__(self, data: bytes) -> None:
        """Read; raises only what no reader may raise."""
        with contextlib.suppress(EmixError):
            self.run(data)


def _content(data: bytes) -> StreamBytes:
    return StreamBytes(io.BytesIO(data), len(data))


def _objects() -> list[bytes]:
    return [
        builders.to_bytes(builders.instance(transfer_syntax=syntax, rows=4, columns=4))
        for syntax in builders.SYNTAXES
    ]


def _headers() -> list[bytes]:
    return [*_objects(), *hostile.headers(48 * 1024).values()]


def _header(data: bytes) -> None:
    read_header(data)


@cache
def _primed() -> HeaderReader:
    """Return a reader that knows headers like those of the seeds."""
    reader = HeaderReader()
    for number in range(1, 20):
        data = builders.to_bytes(builders.instance(number=number, rows=4, columns=4))
        reader.find(data[: reader.head_length], len(data), lambda _at, _length: b"")
    return reader


def _learned(data: bytes) -> None:
    reader = _primed()
    reader.find(data[: reader.head_length], len(data), lambda at, n: data[at : at + n])


def _dicomdir(data: bytes) -> None:
    for offset in (0, 132):
        for _ in Directory(_content(data), offset):
            pass


def _carve(data: bytes) -> None:
    for found in carve(_content(data), [(0, len(data))]):
        assert 0 < found.length <= len(data) - found.offset + (1 << 30)


def _archive(data: bytes) -> None:
    source = archive_in(_content(data), data[:8192], password=lambda: b"word")
    if source is None:
        return
    for number, file in enumerate(source.iter_files()):
        if number >= _MAX_ENTRIES:
            break
        with contextlib.suppress(OSError, EmixError):
            source.open_bytes(file.path).read_at(0, min(file.size, _MOST))
    source.close()


def _zips() -> list[bytes]:
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            for name in ("DICOMDIR", "a/b", "ä"):
                archive.writestr(name, name * 50)
        found.append(file.getvalue())
    return found


@cache
def _images() -> list[bytes]:
    """Return small discs of every kind of file system."""
    files = {"DICOMDIR": b"x" * 300, "A/B/IM1": _objects()[0], "EMPTY": b""}
    file = io.BytesIO()
    with IsoWriter(file, "DISC", moment=datetime(2024, 5, 6, tzinfo=UTC)) as writer:
        for name, data in files.items():
            writer.add(name, data)
    udf = [
        UdfImage(files, kind=kind, form=form).build()
        for kind, form in (("plain", "chained"), ("virtual", "long"), ("virtual2", "embedded"),
                           ("sparable", "short"), ("metadata", "long"))
    ]  # fmt: skip
    return [file.getvalue(), *udf]


def _disc(data: bytes) -> None:
    """Patch a disc: which one, then places (three bytes), lengths and bytes."""
    images = _images()
    image = bytearray(images[data[0] % len(images)] if data else b"")
    at = 1
    while at + 4 <= len(data):
        place = int.from_bytes(data[at : at + 3], "little") % len(image)
        length = data[at + 3]
        image[place : place + length] = data[at + 4 : at + 4 + length]
        at += 4 + length
    _archive(bytes(image))


def _patches() -> list[bytes]:
    """Return patches that hit descriptors and directories."""
    return [
        bytes((number,)) + (sector * 2048 + at).to_bytes(3, "little") + b"\x04\xff\xff\x00\x01"
        for number in range(len(_images()))
        for sector, at in ((16, 158), (17, 80), (20, 2), (33, 188), (34, 212), (256, 16), (274, 20))
    ]


def _cue(data: bytes) -> None:
    tracks = read_cue(data.decode("latin-1"))
    place_tracks(tracks, {track.file: 5_000_000 for track in tracks})


def _images_of_drives(data: bytes) -> None:
    nero_tracks(_content(data))
    tracks = raw_tracks(_content(data), data[:8192])
    if tracks is not None and tracks.size:
        with contextlib.suppress(OSError):
            tracks.read_at(0, min(tracks.size, _MOST))


def _mapfile(data: bytes) -> None:
    Mapfile.parse(data.decode("latin-1"))


def _report(kind: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        load(data, kind)

    return run


def _reports() -> list[bytes]:
    cda = (
        b'<ClinicalDocument xmlns="urn:hl7-org:v3"><recordTarget><patientRole><id root="1.2" '
        b'extension="7"/><patient><name><given>A</given><family>B</family></name><birthTime '
        b'value="19470308"/></patient></patientRole></recordTarget><component><structuredBody>'
        b"<component><section><title>T</title><text><list><item>x</item></list><table><tr><td>1"
        b"</td></tr></table></text></section></component></structuredBody></component>"
        b"</ClinicalDocument>"
    )
    rtf = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 A;}}\pard Findings\par \u228?{\*\x y}\'e4 text\par}"
    )
    ccr = (
        b'<ContinuityOfCareRecord xmlns="urn:astm-org:CCR"><Patient><ActorID>1</ActorID></Patient>'
        b"<Actors><Actor><ActorObjectID>1</ActorObjectID><Person><Name><CurrentName><Given>A"
        b"</Given><Family>B</Family></CurrentName></Name></Person></Actor></Actors>"
        b"</ContinuityOfCareRecord>"
    )
    held = builders.to_bytes(builders.encapsulated_pdf())
    return [builders.hl7(), cda, rtf, ccr, b"Findings: none.\n", builders.pdf(), held]


def _package(data: bytes) -> None:
    for reader in (read_head, read_directory):
        with contextlib.suppress(EmixError):
            reader(io.BytesIO(data))


def _packages() -> list[bytes]:
    head = (
        b'<!DOCTYPE html><html><script type="application/json" id="emix-package">{"v":1,'
        b'"package_id":"x","size":9,"page_length":9,"entries":1}</script></html>'
    )
    return [head, *_zips()]


def _keys(data: bytes) -> None:
    with contextlib.suppress(EmixError):
        parse_identity(data)
    load_manifest(data, [])


def _sniff(data: bytes) -> None:
    for name in ("x", "x.txt", "x.pdf", "x.xml", "x.rtf", "x.hl7"):
        document_kind(data[:16384], name)


def _no_seeds() -> list[bytes]:
    return [b"", bytes(132) + b"DICM", b"{}"]


@cache
def _reader() -> Identity:
    return new_identity()


def _request(data: bytes) -> None:
    text, _, sealed = data.partition(b"\n\n")
    with contextlib.suppress(ValueError):
        document = from_json(text)
        if isinstance(document, dict):
            with contextlib.suppress(EmixError):
                asked_of(document)
    open_sealed(sealed or data, _reader())


def _requests() -> list[bytes]:
    patient = {"name": "A^B", "birth_date": "1970-01-01", "ids": [{"value": "1"}]}
    asked = {"v": 1, "patient": patient, "exam": {}, "requester": {"email": "a@b.example"}}
    where = {"to": "A", "purpose": "test"}
    sealed = seal(asked, b"%PDF-", readers=[_reader().public], **where)
    return [sealed, json.dumps(asked).encode() + b"\n\n" + sealed]


TARGETS: dict[str, Target] = {
    "header": Target(_header, _headers),
    "learned": Target(_learned, _headers),
    "dicomdir": Target(_dicomdir, _objects),
    "carve": Target(_carve, _objects),
    "zip": Target(_archive, _zips),
    "disc": Target(_disc, _patches),
    "cue": Target(_cue, lambda: [b'FILE "a.bin" BINARY\nTRACK 01 MODE1/2352\nINDEX 01 00:02:00']),
    "tracks": Target(_images_of_drives, _no_seeds),
    "mapfile": Target(_mapfile, lambda: [b"# Mapfile.\n0x0 ? 1\n0x0 0x800 +\n0x800 0x800 -\n"]),
    **{f"report-{kind}": Target(_report(kind), _reports) for kind in _REPORTS},
    "sniff": Target(_sniff, _reports),
    "package": Target(_package, _packages),
    "request": Target(_request, _requests),
    "keys": Target(_keys, lambda: [b'{"emix":"private-key","v":1,"ed25519":"AA","x25519":"AA"}']),
}

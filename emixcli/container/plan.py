"""What a package will hold, decided before its first byte is written."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from emixcli import __version__
from emixcli.container import layout
from emixcli.container.cipher import OVERHEAD
from emixcli.container.encoding import to_base64url, to_json
from emixcli.container.entry import Source
from emixcli.container.folded import Folded, fold
from emixcli.container.frames import frame_ranges, n_frames
from emixcli.container.glue import glue_bound
from emixcli.container.identity import fingerprint_of
from emixcli.container.layout import Report
from emixcli.container.manifest import manifest_bound
from emixcli.container.page import FORMAT, Page
from emixcli.fragments import UNDEFINED, Range
from emixcli.syntaxes import IMPLICIT_LITTLE_UID, UNCOMPRESSED

if TYPE_CHECKING:
    from emixcli.model import Document, FileSet, Instance

_LOCAL_BOUND = 30 + 11 + 20
_CENTRAL_BOUND = 46 + 11 + 28
_END_BOUND = 56 + 20 + 22 + 65_535
_SIGNATURE_BOUND = 512
_HEAD_BOUND = 4096


class Reader(Protocol):
    """Opens what a FileSet lists; `emixcli.media.reader.MediaReader` is one."""

    def open(self, item: Instance | Document) -> BinaryIO:
        """Return a seekable binary file."""


@dataclass(frozen=True)
class Sender:
    """Who sends, as the recipient shall read it."""

    name: str
    organisation: str


@dataclass(frozen=True)
class PackagePlan:
    """What a package will hold.

    `index_body` is the index but its head, which needs the signing key; `size_bound` is at least
    the size of the package in bytes; `invented` counts keys of the DICOMDIR that objects lack;
    `documents` is what the index says of each report, without its readable form.
    """

    file_set: FileSet
    reports: tuple[Report, ...]
    sender: Sender
    package_id: str
    created: str
    page: Page
    index_body: Folded
    dicomdir: Folded
    invented: Mapping[str, int]
    size_bound: int
    counts: Mapping[str, int]
    documents: tuple[Mapping[str, Any], ...] = ()

    @property
    def page_length(self) -> int:
        """Bytes before the first entry; only these are patched at the end."""
        return len(self.page.blank)


def make_index(plan: PackagePlan, signing: bytes) -> Folded:
    """Return the index with its head; `signing` is the sender's public Ed25519 key."""
    head = {
        "format": FORMAT,
        "package_id": plan.package_id,
        "created": plan.created,
        "generator": f"emix {__version__}",
        "sender": {
            "name": plan.sender.name,
            "organisation": plan.sender.organisation,
            "key": to_base64url(signing),
            "fingerprint": fingerprint_of(signing),
        },
    }
    return fold((to_json(head)[:-1], b",")) + plan.index_body


def readme() -> bytes:
    """Return README.TXT, with line ends that every system shows."""
    path = resources.files("emixcli.container").joinpath("readme.txt")
    return path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def iter_sources(
    plan: PackagePlan, index: Folded, reader: Reader
) -> Iterator[tuple[Source, Instance | Document | Report | None]]:
    """Yield every entry before the manifest, in order, with what it is made from."""
    yield folded_source(layout.INDEX, index), None
    yield folded_source(layout.DICOMDIR, plan.dicomdir), None
    for instance, name in layout.iter_instances(plan.file_set):
        yield _instance_source(instance, name, reader), instance
    for document, name in layout.iter_documents(plan.file_set, plan.reports):
        if isinstance(document, Report):
            source = Source(name, document.size, compress=True, open=document.open)
        else:
            source = Source(name, document.size, compress=True, open=_item_opener(reader, document))
        yield source, document
    yield _bytes_source(layout.README, readme()), None


def folded_source(name: str, content: Folded) -> Source:
    """Return the source of an entry that is made here and grows with the package."""
    return Source(name, content.size, compress=True, open=content.open)


def _bytes_source(name: str, content: bytes) -> Source:
    return Source(name, len(content), compress=True, open=lambda: io.BytesIO(content))


def _item_opener(reader: Reader, item: Instance | Document) -> Callable[[], BinaryIO]:
    return lambda: reader.open(item)


def _instance_source(instance: Instance, name: str, reader: Reader) -> Source:
    def frames(file: BinaryIO) -> list[Range]:
        return frame_ranges(instance, file)

    return Source(
        name,
        instance.size,
        compress=is_compressible(instance),
        open=_item_opener(reader, instance),
        frames=frames,
    )


def is_compressible(instance: Instance) -> bool:
    """Tell whether deflate is worth its time: no pixels, or one uncompressed frame."""
    if (instance.text("TransferSyntaxUID") or IMPLICIT_LITTLE_UID) not in UNCOMPRESSED:
        return False
    if instance.pixel_offset < 0:
        return True
    return instance.pixel_length != UNDEFINED and n_frames(instance) == 1


def size_bound(
    file_set: FileSet, *, reports: Sequence[Report], page: Page, made: Sequence[Folded]
) -> int:
    """Return at least the size of the package; `made` is index body and DICOMDIR."""
    documents = list(layout.iter_documents(file_set, tuple(reports)))
    others = [(name, document.size) for document, name in documents]
    others += [
        (layout.INDEX, made[0].size + _HEAD_BOUND),
        (layout.DICOMDIR, made[1].size),
        (layout.README, len(readme())),
        (layout.MANIFEST, manifest_bound(file_set, n_others=len(documents) + 3)),
        (layout.SIGNATURE, _SIGNATURE_BOUND),
    ]
    instances = ((name, instance.size) for instance, name in layout.iter_instances(file_set))
    total = len(page.blank) + _END_BOUND
    for name, size in itertools.chain(instances, others):
        script = _LOCAL_BOUND + len(name) + OVERHEAD + size
        total += script + glue_bound(script) + _CENTRAL_BOUND + len(name)
    return total


def document_fields(document: Document | Report, name: str) -> dict[str, Any]:
    """Return what the index says of a report."""
    return {
        "entry": name,
        "kind": document.kind,
        "mime": MIME_TYPES.get(document.kind, "application/octet-stream"),
        "size": document.size,
    }


def without_text(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the index says of a report, but for its readable form."""
    return {name: value for name, value in fields.items() if name not in ("blocks", "inside")}


MIME_TYPES = {
    "pdf": "application/pdf",
    "text": "text/plain",
    "rtf": "application/rtf",
    "hl7v2": "application/hl7-v2",
    "cda": "application/hl7-cda+xml",
    "ccr": "application/xml",
}

"""Fields of the index that need more than the fast header: tables, frames, texts, documents.

Read by pydicom, one object at a time, without its pixels. What pydicom warns of holds attribute
values and is dropped.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO

from emixcli.container.deep_frames import add_dose_frames, add_functional_groups
from emixcli.container.deep_luts import add_luts, add_overlays
from emixcli.container.deep_text import render_text
from emixcli.container.directory_keys import find_keys
from emixcli.errors import EmixError
from emixcli.media.header import read_header
from emixcli.quiet import quiet_pydicom
from emixcli.syntaxes import DEFLATED_UID, is_video

if TYPE_CHECKING:
    from pydicom import Dataset

    from emixcli.container.dicomdir import Extra
    from emixcli.container.index import Fields
    from emixcli.container.plan import Reader
    from emixcli.model import Instance
    from emixcli.reports.matching import Verdict

_RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
_ENCAPSULATED = "1.2.840.10008.5.1.4.1.1.104."
_DOCUMENT = 0x00420011
#: Objects without pixels above this size are not read.
_MAX_HEADER = 64 * 1024 * 1024
#: Values above this size are stepped over.
_MAX_VALUE = 4 * 1024 * 1024


class Deepener:
    """Adds fields to instances, and remembers what their directory records need.

    Parameters
    ----------
    reader
        Opens the file set.
    accept
        Why documents of another patient than their object's go along; "" where they do not.

    """

    def __init__(self, reader: Reader, accept: str = "") -> None:
        self._reader = reader
        self._accept = accept
        self._refused: list[Verdict] = []
        self._keys: dict[tuple[int, str], Extra] = {}

    def check(self) -> None:
        """Refuse documents in objects that are of another patient.

        Raises
        ------
        PatientMismatchError
            There is one, and nobody has accepted it or may accept it.
        """
        if self._refused:
            from emixcli.reports.reading import mismatch

            raise mismatch(self._refused, self._accept)

    def keys(self, instance: Instance) -> Extra:
        """Return values for the directory record of an instance that was deepened."""
        return self._keys.get((instance.source, instance.path), {})

    def __call__(self, instance: Instance, fields: Fields) -> None:
        """Add what pydicom finds; a damaged object keeps what the scan found."""
        is_image = fields["kind"] == "image"
        _add_pixel_type(instance, fields)
        if not (_needs_pydicom(instance) or not is_image):
            return
        if not is_image and instance.size > _MAX_HEADER:
            fields["problem"] = "too large to be shown here"
            return
        try:
            with quiet_pydicom(), self._reader.open(instance) as file:
                self._add(instance, fields, file)
        except pydicom_errors():
            fields.setdefault("problem", "its header cannot be read whole")
            return
        if fields.get("photometric") == "PALETTE COLOR" and "palette" not in fields.get("luts", {}):
            fields["problem"] = "its colour palette is missing or damaged"

    def _add(self, instance: Instance, fields: Fields, file: BinaryIO) -> None:
        if instance.text("TransferSyntaxUID") == DEFLATED_UID and instance.pixel_offset >= 0:
            fields["deflated_from"] = read_header(file, instance.size).dataset_offset
            file.seek(0)
        from pydicom import dcmread  # half a second: only where an object needs it

        dataset = dcmread(
            _Anonymous(file), stop_before_pixels=True, force=True, defer_size=_MAX_VALUE
        )
        if fields["kind"] == "image":
            add_luts(dataset, fields)
            add_overlays(dataset, fields)
            add_functional_groups(dataset, fields)
            if instance.text("SOPClassUID") == _RT_DOSE:
                add_dose_frames(dataset, fields)
            return
        keys = find_keys(dataset)
        if keys:
            self._keys[instance.source, instance.path] = keys
        if instance.text("SOPClassUID").startswith(_ENCAPSULATED) or _DOCUMENT in dataset:
            _add_document(dataset, fields, instance)
            self._judge(_look_through(dataset, fields, file), fields)
        elif lines := render_text(dataset):
            fields["kind"], fields["text"] = "text", lines

    def _judge(self, verdict: Verdict | None, fields: Fields) -> None:
        """Record whether the document in an object is of the object's patient."""
        if verdict is None:
            return
        from emixcli.reports.reading import is_refused, match_json

        fields["document"]["match"] = match_json(verdict, self._accept)
        if is_refused(verdict, self._accept):
            self._refused.append(verdict)


class _Anonymous:
    """A file without a name: pydicom asks buffered ones for it and looks them up on the disk."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
        self.close = file.close


def pydicom_errors() -> tuple[type[Exception], ...]:
    """Return what pydicom raises on damaged objects."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return (
        EmixError, InvalidDicomError, BytesLengthException, ValueError, TypeError, AttributeError,
        LookupError, NotImplementedError, ArithmeticError, AssertionError, EOFError, OSError,
        RecursionError, struct.error, zlib.error,
    )  # fmt: skip


def _needs_pydicom(instance: Instance) -> bool:
    return (
        instance.deep
        or instance.text("TransferSyntaxUID") == DEFLATED_UID
        or instance.text("SOPClassUID") == _RT_DOSE
        or instance.text("PhotometricInterpretation") == "PALETTE COLOR"
    )


def _add_pixel_type(instance: Instance, fields: Fields) -> None:
    """Tell float pixels (PS3.3 section C.7.6.24: no Bits Stored) and what no browser decodes."""
    if "pixel" not in fields:
        return
    bits = instance.integer("BitsAllocated")
    if bits in {32, 64} and not instance.text("BitsStored"):
        fields["pixel"]["type"] = f"float{bits}"
    if is_video(instance.text("TransferSyntaxUID")):
        fields["problem"] = "a video: unpack it and open it in a video player"


def _add_document(dataset: Dataset, fields: Fields, instance: Instance) -> None:
    raw = dataset.get_item(_DOCUMENT) if _DOCUMENT in dataset else None
    offset, length = getattr(raw, "value_tell", 0), getattr(raw, "length", 0)
    # PS3.3 section C.24.2: the length without the padding byte
    exact = dataset.get("EncapsulatedDocumentLength")
    if isinstance(exact, int) and length - 1 <= exact <= length:
        length = exact
    if not 0 < offset <= offset + length <= instance.size:
        fields["problem"] = "the document in it is missing or cut short"
        return
    if instance.text("TransferSyntaxUID") == DEFLATED_UID:
        fields["problem"] = "a deflated document: unpack it to open it"
        return
    fields["kind"] = "document"
    mime = str(dataset.get("MIMETypeOfEncapsulatedDocument") or "application/octet-stream")
    fields["document"] = {"mime": mime.strip()[:100], "offset": offset, "length": length}
    title = str(dataset.get("DocumentTitle") or "").strip()
    if title:
        fields["document"]["title"] = title[:200]


def _look_through(dataset: Dataset, fields: Fields, file: BinaryIO) -> Verdict | None:
    """Make a document in an object readable; return what its own words say of the patient.

    Of a PDF with active content it is told why the viewer does not open it.
    """
    document = fields.get("document")
    if document is None:
        return None
    from emixcli.reports import dicom, reading

    file.seek(document["offset"])
    inner = dicom.read_document(file.read(document["length"]))
    if inner.reading is None:
        return None
    notes = [block for block in inner.reading.blocks if block.strong]
    if inner.kind == "pdf" and notes:
        fields["problem"] = " ".join(block.text for block in notes)
    elif inner.reading.blocks:
        document["blocks"] = [block.as_document() for block in inner.reading.blocks]
    return reading.judge_inner(dicom.identity_of_object(dataset), inner)

"""Whether every frame of a medium decodes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.errors import MediaError
from emixcli.media.reader import MediaReader
from emixcli.quiet import quiet_pydicom
from emixcli.syntaxes import UNCOMPRESSED
from emixcli.validate.codes import TYPES
from emixcli.validate.pixels import ENCAPSULATED, native_length
from emixcli.validate.places import places_of

if TYPE_CHECKING:
    from emixcli.model import FileSet, Finding, Instance
    from emixcli.progress import ProgressListener

#: What is shown as it stands in the file.
_PLAIN_BITS: Final = (8, 16)
_PLAIN_COLOURS: Final = ("MONOCHROME1", "MONOCHROME2", "RGB")
#: Larger objects are not held in memory.
_MAX_SIZE: Final = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Frames:
    """What came of decoding.

    Parameters
    ----------
    decoded
        Frames that decode.
    damaged
        Images with a frame that does not.
    unchecked
        Images for which no decoder is installed, or that are too large.
    """

    decoded: int
    damaged: tuple[Instance, ...]
    unchecked: int

    def finding(self, file_set: FileSet) -> Finding | None:
        """Return the finding S07, None where all frames decode."""
        if not self.damaged:
            return None
        studies = {study.uid: number for number, study in enumerate(file_set.iter_studies(), 1)}
        where = "; ".join(places_of(self.damaged, studies))
        return TYPES["S07"].found(len(self.damaged), where)


def decode_all(file_set: FileSet, progress: ProgressListener) -> Frames:
    """Decode every frame, one object in memory at a time; writes nothing."""
    images = [one for one in file_set.iter_instances() if one.pixel_offset >= 0]
    progress.stage("decoding", len(images), "images")
    decoded = unchecked = 0
    coded = []
    for image in images:
        if _is_plain(image):
            decoded += max(1, image.integer("NumberOfFrames", 1))
        else:
            coded.append(image)
    progress.advance(len(images) - len(coded))
    damaged: list[Instance] = []
    if not coded:
        return Frames(decoded, (), 0)
    with MediaReader(file_set) as media, quiet_pydicom():
        for image in coded:
            n_frames = _decode(media, image)
            if n_frames is None:
                unchecked += 1
            elif n_frames < 0:
                damaged.append(image)
            else:
                decoded += n_frames
            progress.advance(1)
    return Frames(decoded, tuple(damaged), unchecked)


def _is_plain(image: Instance) -> bool:
    """Whether the frames of an image need no decoder, and are all there.

    Of such an image nothing but its attributes could be wrong, and those are looked at by the scan.
    """
    needed = native_length(image)
    return (
        image.text("TransferSyntaxUID") in UNCOMPRESSED
        and image.integer("BitsAllocated") in _PLAIN_BITS
        and image.text("PhotometricInterpretation") in _PLAIN_COLOURS
        and needed is not None
        and image.pixel_length != ENCAPSULATED
        and needed <= image.pixel_length <= image.size - image.pixel_offset
    )


def _decode(media: MediaReader, image: Instance) -> int | None:
    """Return how many frames decode, -1 where one does not, None where it cannot be told."""
    from pydicom import dcmread
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import iter_pixels
    from pydicom.uid import UID

    try:
        is_available = get_decoder(image.text("TransferSyntaxUID")).is_available
    except NotImplementedError:  # no decoder for this transfer syntax
        return None
    if not is_available or image.size > _MAX_SIZE:
        return None
    try:
        content = media.read(image)
    except MediaError:  # what cannot be read is a loss of its own
        return None
    try:
        dataset = dcmread(io.BytesIO(content), force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = UID(image.text("TransferSyntaxUID"))
        return sum(1 for _ in iter_pixels(dataset, raw=True))
    except Exception:  # noqa: BLE001 - what decoders raise on damaged pixels is not defined
        return -1

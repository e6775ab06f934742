"""Text found in pixels by recognition: a second look, never the guarantee.

The optional part `ocr` brings RapidOCR, whose models are files of its package: nothing is fetched.
Recognised words are used to place regions and then forgotten; they are never shown or stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from emixcli.deid.pixels.decoded import Frames
from emixcli.deid.pixels.facts import Region
from emixcli.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emixcli.deid.pixels.facts import Facts

#: So many frames of a multi-frame object are looked at.
MAX_FRAMES: Final = 5
#: Pixels added around a word; more for large letters.
_MARGIN: Final = 3
_LEAST_SCORE: Final = 0.5
_LEAST_LETTERS: Final = 2
#: Smaller images are enlarged so that letters of eight pixels are found.
_LEAST_SIZE: Final = 960


def is_installed() -> bool:
    """Whether the optional part `ocr` is installed."""
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


def require() -> None:
    """Check that text can be recognised.

    Raises
    ------
    UsageError
        If the optional part is not installed.
    """
    if not is_installed():
        raise UsageError(
            "text recognition is not installed",
            hint="pip install 'emixcli[ocr]', or leave out --ocr",
        )


def find_text(
    facts: Facts, file: BinaryIO, start: int, length: int, known: Sequence[Region] = ()
) -> tuple[Region, ...]:
    """Return regions of words in some frames, those inside `known` regions left out.

    Raises
    ------
    PixelError
        If the pixels cannot be decoded.
    """
    frames = Frames(facts, file, start, length)
    count = min(MAX_FRAMES, len(frames))
    chosen = sorted({round(i * (len(frames) - 1) / max(1, count - 1)) for i in range(count)})
    found: list[Region] = []
    for index in chosen:
        picture = as_picture(frames[index], facts)
        for region in (*known, *found):
            picture[region.y0 : region.y1, region.x0 : region.x1] = 0
        found += _words(picture)
    return tuple(dict.fromkeys(found))


def as_picture(values: NDArray[Any], facts: Facts) -> NDArray[Any]:
    """Return a grey picture (rows, columns), uint8, in which letters stand out.

    Of colours the brightest sample counts, of YBR the first. The full range of values is shown but
    for the outermost half percent, which text may fill or not.
    """
    import numpy as np

    photometric = facts.text("PhotometricInterpretation")
    grey = values[:, :, 0] if photometric.startswith("YBR") else values.max(axis=2)
    grey = grey.astype(np.float32)
    low, high = np.percentile(grey, (0.5, 99.5))
    if high <= low:
        low, high = float(grey.min()), max(float(grey.max()), float(grey.min()) + 1)
    picture: NDArray[np.uint8] = np.clip((grey - low) * (255 / (high - low)), 0, 255).astype("u1")
    return 255 - picture if photometric == "MONOCHROME1" else picture


def _words(picture: NDArray[Any]) -> list[Region]:
    """Return where words stand in a picture."""
    import numpy as np

    rows, columns = picture.shape
    factor = max(1, min(3, -(-_LEAST_SIZE // max(rows, columns))))
    large = picture.repeat(factor, axis=0).repeat(factor, axis=1)
    result = _engine()(np.stack([large] * 3, axis=2), use_det=True, use_cls=False, use_rec=True)
    if result.boxes is None:
        return []
    found = []
    for box, words, score in zip(result.boxes, result.txts, result.scores, strict=True):
        letters = sum(letter.isalnum() for letter in words)
        if letters < _LEAST_LETTERS or score < _LEAST_SCORE:
            continue
        (x0, y0), (x1, y1) = box.min(axis=0) / factor, box.max(axis=0) / factor
        margin = _MARGIN + (y1 - y0) / 5
        region = Region(
            int(x0 - margin), int(y0 - margin), int(x1 + margin) + 1, int(y1 + margin) + 1
        ).clip(columns, rows)
        if region is not None:
            found.append(region)
    return found


@lru_cache(maxsize=1)
def _engine() -> Any:
    """Return the recogniser; its models take a second to load."""
    require()
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )

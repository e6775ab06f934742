"""Faces taken out of CT and MR series of a head (PS3.15 section E.3.2).

A face is what a surface rendering shows of skin between brow and chin. It is cut off along a smooth
surface that knows nothing of its shape: from the brow downwards the cut runs deeper, in front of
frontal lobes and temporal poles, through eyes, nose and jaw. All lengths scale with the head.

Two passes: the first looks at every slice, coarsely, and finds where the head lies; the second
blackens, slice by slice in any order. A head that cannot be placed with confidence is refused: one
whose vertex is not in the images, or that is covered by raised arms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

from emixcli.deid.parse import UNDEFINED
from emixcli.deid.pixels.decoded import Frames
from emixcli.deid.pixels.errors import PixelError
from emixcli.deid.pixels.facts import Facts, Region
from emixcli.deid.pixels.native import layout
from emixcli.deid.pixels.risk import shows_a_head
from emixcli.deid.pixels.volume import Volume, head_of
from emixcli.deid.refusal import DeidError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emixcli.deid.pixels.functional import Groups

#: Millimetres below the vertex of an adult's head, and how deep behind the brow the cut lies.
PROFILE: Final = (
    (75.0, 0.0), (92.0, 6.0), (105.0, 14.0), (118.0, 26.0), (130.0, 38.0), (225.0, 70.0),
    (250.0, 70.0),
)  # fmt: skip
#: From brow to occiput, in an adult, with skin.
_ADULT_LENGTH_MM: Final = 190.0
#: The cut bends backwards at the sides, with this radius.
_RADIUS_MM: Final = 150.0
_HALF_WIDTH_MM: Final = 95.0
#: Slices further apart than this show no head well enough to place it.
_MAX_GAP_MM: Final = 8.0
_MIN_SLICES: Final = 8
_MAX_SLICES: Final = 4000
_SAMPLE_MM: Final = 3.0


def _refuse(why: str) -> PixelError:
    return PixelError("pixels.face-removal", hint=f"{why}: use --accept-risk REASON")


@dataclass(frozen=True)
class Plane:
    """Where the pixels of a slice lie in the patient, in millimetres (PS3.3 section C.7.6.2.1.1).

    Attributes
    ----------
    right, down
        The way from one pixel to the next one in a row, and in a column.
    """

    corner: tuple[float, float, float]
    right: tuple[float, float, float]
    down: tuple[float, float, float]

    @classmethod
    def of(cls, facts: Facts) -> Plane:
        """Return the plane of a slice.

        Raises
        ------
        PixelError
            If its header does not say where it lies.
        """
        corner = facts.decimals("ImagePositionPatient")
        directions = facts.decimals("ImageOrientationPatient")
        spacing = facts.decimals("PixelSpacing")
        if len(corner) != 3 or len(directions) != 6 or len(spacing) != 2 or min(spacing) <= 0:
            raise _refuse("an image of the series says not where it lies")
        down, right = spacing
        x, y, z = (right * part for part in directions[:3])
        u, v, w = (down * part for part in directions[3:])
        return cls((corner[0], corner[1], corner[2]), (x, y, z), (u, v, w))

    def coordinates(self, columns: NDArray[Any], rows: NDArray[Any]) -> list[NDArray[Any]]:
        """Return x, y and z (to the left, to the back, to the head) of pixels' centres."""
        return [
            corner + right * columns[None, :] + down * rows[:, None]
            for corner, right, down in zip(self.corner, self.right, self.down, strict=True)
        ]


@dataclass(frozen=True)
class FaceMask:
    """What is cut off a head; all in millimetres of the patient's coordinates.

    Attributes
    ----------
    middle, brow, top
        x of the middle, y of the skin at the brow, z of the vertex.
    scale
        The head's length as a part of an adult's.
    """

    middle: float
    brow: float
    top: float
    scale: float

    def covers(self, plane: Plane, *, rows: int, columns: int) -> NDArray[Any]:
        """Return which pixels of a slice are cut off, (rows, columns)."""
        import numpy as np

        x, y, z = plane.coordinates(np.arange(columns), np.arange(rows))
        below = (self.top - z) / self.scale
        levels, depths = zip(*PROFILE, strict=True)
        depth = np.interp(below, levels, depths)
        side = (x - self.middle) / self.scale
        cut = self.brow + self.scale * (depth + side**2 / (2 * _RADIUS_MM))
        found: NDArray[Any] = (
            (y < cut)
            & (below >= levels[0])
            & (below <= levels[-1])
            & (np.abs(side) <= _HALF_WIDTH_MM)
        )
        return found

    def regions(self, facts: Facts) -> tuple[Region, ...]:
        """Return what is blackened in a slice, as runs of rows.

        Raises
        ------
        PixelError
            If the slice says not where it lies, or has several frames.
        """
        if facts.frames > 1:
            raise _refuse("an image of the series has several frames")
        covered = self.covers(Plane.of(facts), rows=facts.rows, columns=facts.columns)
        return _runs(covered)

    def regions_of_frames(self, frames: Iterable[Facts]) -> list[tuple[Region, ...]]:
        """Return what is blackened in each frame of a multi-frame image; raises as `regions`."""
        return [self.regions(frame) for frame in frames]


class Place(Protocol):
    """Where the pixel data of an object stands; see `deid.objects.PixelPlace`."""

    @property
    def facts(self) -> Facts:
        """What the header says."""

    @property
    def series_uid(self) -> str:
        """Series Instance UID as the file has it."""

    @property
    def start(self) -> int:
        """Offset of the value."""

    @property
    def length(self) -> int:
        """Bytes of the value."""

    @property
    def groups(self) -> Groups:
        """Functional groups of a multi-frame image."""


def find_faces(
    series: Iterable[Sequence[Callable[[], BinaryIO]]],
    place: Callable[[BinaryIO], Place | None],
) -> dict[str, FaceMask]:
    """Return what must be cut off, by Series Instance UID as the files have it.

    A series that shows no head, and one whose head cannot be placed, has no mask: images of heads
    without a mask are refused when they are de-identified.

    Parameters
    ----------
    series
        Functions that open the objects of each series.
    place
        Tells where pixels are: `Anonymizer.pixel_place`.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    found = {}
    for openers in series:
        with suppress(DeidError):
            uid = _head_series(openers, place)
            if uid is not None:
                found[uid] = find_face(_iter_slices(openers, place))
    return found


def _head_series(
    openers: Sequence[Callable[[], BinaryIO]], place: Callable[[BinaryIO], Place | None]
) -> str | None:
    for opener in openers[:1]:
        with opener() as file:
            first = place(file)
        if first is not None and shows_a_head(first.facts):
            return first.series_uid
    return None


def _iter_slices(
    openers: Sequence[Callable[[], BinaryIO]], place: Callable[[BinaryIO], Place | None]
) -> Iterator[tuple[Facts, BinaryIO, int, int]]:
    for opener in openers:
        with opener() as file:
            where = place(file)
            if where is not None:
                for facts, start, length in _iter_frames(where):
                    yield facts, file, start, length


def _iter_frames(place: Place) -> Iterator[tuple[Facts, int, int]]:
    """Yield the frames of an image as images of their own, and where their pixels lie."""
    if place.facts.frames == 1:
        yield place.facts, place.start, place.length
        return
    if place.length == UNDEFINED:
        raise _refuse("an image of several frames is compressed: decompress it first")
    for number, facts in enumerate(place.groups.frames(place.facts)):
        size = layout(facts, place.length).frame_bytes
        yield facts, place.start + number * size, size


def find_face(slices: Iterable[tuple[Facts, BinaryIO, int, int]]) -> FaceMask:
    """Return what must be cut off the head that a series shows.

    Parameters
    ----------
    slices
        Of one series, in any order: facts, an open file, and where the value of its pixel data
        lies. Each is looked at once and not kept.

    Raises
    ------
    PixelError
        If no head can be placed with confidence, or a slice cannot be read.
    """
    volume = Volume(_SAMPLE_MM)
    for count, (facts, file, start, length) in enumerate(slices):
        if count >= _MAX_SLICES:
            raise _refuse("the series has too many images")
        if facts.frames > 1 or facts.samples > 1:
            raise _refuse("an image of the series has several frames or colours")
        values = Frames(facts, file, start, length)[0][:, :, 0]
        slope, intercept = facts.decimals("RescaleSlope"), facts.decimals("RescaleIntercept")
        scaled = values * (slope[0] if slope else 1.0) + (intercept[0] if intercept else 0.0)
        volume.add(scaled, Plane.of(facts), is_ct=facts.text("Modality") == "CT")
    if volume.n_slices < _MIN_SLICES or volume.gap_mm() > _MAX_GAP_MM:
        raise _refuse("the slices of the series are too few or too far apart")
    head = head_of(volume)
    if head is None:
        raise _refuse("no whole head is seen from its vertex downwards")
    scale = head.length_mm / _ADULT_LENGTH_MM
    brow = head.front_at(head.top - PROFILE[0][0] * scale)
    if brow is None:
        raise _refuse("no brow is seen")
    return FaceMask(head.middle, brow, head.top, scale)


def _runs(covered: NDArray[Any]) -> tuple[Region, ...]:
    """Return rectangles that cover exactly these pixels."""
    import numpy as np

    open_runs: dict[tuple[int, int], int] = {}
    found: list[Region] = []
    empty = np.zeros((1, covered.shape[1]), covered.dtype)
    for row, line in enumerate(np.concatenate([covered, empty])):
        edges = np.flatnonzero(np.diff(line.astype(np.int8), prepend=0, append=0))
        runs = set(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
        ended = [run for run in open_runs if run not in runs]
        found += [Region(left, open_runs.pop((left, right)), right, row) for left, right in ended]
        for run in runs:
            open_runs.setdefault(run, row)
    return tuple(sorted(found))

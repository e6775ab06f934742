"""A file-set as it is after de-identification: same instances, opened without what identifies.

De-identification is a pure function of key, profile and object, so an object can be opened as often
as packing asks, and its index, directory and manifest are made from the new bytes alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, cast

from emixcli.anonymize import Anonymized, Anonymizer, DeidError, Option, Profile, Reason
from emixcli.deid.repair import TRIES, Repair
from emixcli.errors import DeidUnsafeError, EmixError
from emixcli.media.grouping import group, together
from emixcli.media.header import HeaderReader
from emixcli.model import FileSet, Instance
from emixcli.packed import pack
from emixcli.progress import SILENT, ProgressListener

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from emixcli.deid.pixels.faces import FaceMask
    from emixcli.deid.report import Report
    from emixcli.deid.structure import Leak
    from emixcli.deid.verify import Verifier
    from emixcli.model import Document, Patient
    from emixcli.services.reidentification import Link

_BUFFER = 64 * 1024
#: An instance by its source and path.
Place = tuple[int, str]
#: The ids of what could not even be read, and of what has the UID of another object.
UNREADABLE, DUPLICATE = "media.unreadable", "media.duplicate-uid"


class Reader(Protocol):
    """Opens what a FileSet lists."""

    def open(self, item: Instance | Document) -> BinaryIO:
        """Return a seekable binary file."""

    def close(self) -> None:
        """Give the media back; `open` opens them again."""


class Refused(NamedTuple):
    """An object that must not go out: where it lies on the medium, and why."""

    file: str
    id: str
    message: str
    hint: str


class Deidentified(NamedTuple):
    """What `deidentify` found.

    `actions` counts what was done to each tag; `accepted` counts risks that were let pass. `links`
    lead back to the old values, where that was asked for.
    """

    file_set: FileSet
    refused: tuple[Refused, ...]
    actions: Counter[tuple[int, str]]
    accepted: Counter[str]
    links: tuple[Link, ...] = ()


class Deidentification(NamedTuple):
    """How to de-identify: as for `Anonymizer`.

    `key` None is one of this run or send, which `keyed` sets. `ocr` None looks for text where the
    profile cleans pixels and recognition is installed. `faces` is what `with_faces` found. `links`
    asks for what leads back. `is_passing` says that the key is none of the user's.
    """

    profile: Profile
    key: bytes | None = None
    ocr: bool | None = None
    faces: Mapping[str, FaceMask] | None = None
    links: bool = False
    is_passing: bool = False

    def keyed(self, key: bytes) -> Deidentification:
        """Return the same with this key, where it has none of the user's."""
        return self if self.key is not None else self._replace(key=key, is_passing=True)

    def description(self) -> list[Any]:
        """Return what tells it from others, for JSON; of a key only a digest."""
        rules = self.profile.rules
        return [
            sorted(self.profile.options),
            sorted(rules.actions.items()),
            sorted(rules.accept_sop_classes),
            repr(rules.safe_private),
            repr(rules.pixel_rules),
            rules.max_shift_days,
            self.profile.accept_risk,
            None if self.key is None else hashlib.sha256(self.key).hexdigest(),
        ]

    def anonymizer(self) -> Anonymizer:
        """Return an anonymizer for one thread."""
        if self.key is None:
            raise ValueError("it has no key yet")
        return Anonymizer(self.profile, self.key, faces=self.faces, ocr=self.ocr)


def with_faces(how: Deidentification, file_set: FileSet, reader: Reader) -> Deidentification:
    """Return the same with what is to be cut off heads, where the profile asks for that.

    It takes a whole series to find a face, so this comes before any object is made.
    """
    if Option.CLEAN_RECOGNIZABLE not in how.profile.options:
        return how
    from emixcli.deid.pixels.faces import find_faces

    series = (
        [partial(reader.open, instance) for instance in series.instances]
        for series in file_set.iter_series()
        if series.text("Modality") in {"CT", "MR"}
    )
    return how._replace(faces=find_faces(series, how.anonymizer().pixel_place))


class DeidentifyingReader:
    """Opens instances de-identified; for any number of threads.

    Parameters
    ----------
    reader
        Opens them as they are.
    how
        From `with_faces`.

    Attributes
    ----------
    repairs
        What the second look found, by `place_of`: from `look_again`.
    """

    def __init__(self, reader: Reader, how: Deidentification) -> None:
        self._reader = reader
        self._how = how
        self._local = threading.local()
        self.repairs: dict[Place, Repair] = {}

    def anonymize(self, file: BinaryIO, repair: Repair | None = None) -> Anonymized:
        """Return the object without what identifies the patient.

        Raises
        ------
        DeidError
            It is refused.
        """
        if not hasattr(self._local, "anonymizer"):
            self._local.anonymizer = self._how.anonymizer()
        return cast("Anonymizer", self._local.anonymizer).anonymize(file, repair)

    def close(self) -> None:
        """Give the media back; `open` opens them again."""
        self._reader.close()

    @property
    def has_links(self) -> bool:
        """Whether what leads back is asked for."""
        return self._how.links

    def open(self, item: Instance | Document) -> BinaryIO:
        """Return an instance de-identified, as a seekable stream.

        Raises
        ------
        DeidError
            It is refused, or is a report: these are not de-identified.
        MediaError
            It cannot be read.
        """
        return self.anonymize_and_open(item)[1]

    def anonymize_and_open(self, item: Instance | Document) -> tuple[Anonymized, BinaryIO]:
        """Return as `open`, with what was done; closing the stream closes both."""
        if not isinstance(item, Instance):
            raise DeidError(Reason.REPORT)
        source = self._reader.open(item)
        try:
            made = self.anonymize(source, self.repairs.get(place_of(item)))
        except BaseException:
            source.close()
            raise
        return made, cast("BinaryIO", io.BufferedReader(_Stream(source, made), _BUFFER))


class Remade:
    """`Outputs` that are not written: each is made as often as it is read."""

    def __init__(self, media: Reader, reader: DeidentifyingReader) -> None:
        self._media, self._reader = media, reader

    def open_old(self, instance: Instance) -> BinaryIO:
        """Open one as it was."""
        return self._media.open(instance)

    def open_new(self, instance: Instance) -> BinaryIO | None:
        """Open one as it is now; None where it is refused, which packing will meet again."""
        try:
            return self._reader.open(instance)
        except DeidError:
            return None

    def repair(self, instance: Instance, repair: Repair) -> None:
        """Remember how it is to be made."""
        self._reader.repairs[place_of(instance)] = repair


class _Stream(io.RawIOBase):
    """The bytes of a de-identified object; going back starts again."""

    def __init__(self, source: BinaryIO, made: Anonymized) -> None:
        self._source, self._made = source, made
        self._at = 0
        self._rewind()

    def _rewind(self) -> None:
        self._pieces = self._made.iter_bytes(self._source)
        self._piece = memoryview(b"")
        self._piece_at = 0  # offset of the rest of the piece in the object

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._made.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # narrower than any buffer
        if self._at < self._piece_at:
            self._rewind()
        while self._piece_at + len(self._piece) <= self._at:
            self._piece_at += len(self._piece)
            following = next(self._pieces, None)
            if following is None:
                self._piece = memoryview(b"")
                return 0
            self._piece = memoryview(following).cast("B")
        self._piece = self._piece[self._at - self._piece_at :]
        self._piece_at = self._at
        view = memoryview(buffer).cast("B")
        n = min(len(view), len(self._piece))
        view[:n] = self._piece[:n]
        self._at += n
        return n

    def close(self) -> None:
        if not self.closed:
            self._made.close()
            self._source.close()
        super().close()


def deidentify(
    file_set: FileSet, reader: DeidentifyingReader, *, progress: ProgressListener = SILENT
) -> Deidentified:
    """Return the file-set as the de-identified objects describe it; writes nothing.

    Reports are left out: they are not de-identified.
    """
    instances: list[Instance] = []
    refused: list[Refused] = []
    told = _Told(HeaderReader(), [] if reader.has_links else None, Counter(), Counter())
    progress.stage("de-identifying", sum(1 for _ in file_set.iter_instances()), "files")
    for instance in file_set.iter_instances():
        try:
            instances.append(_describe(instance, reader, told))
        except (OSError, EmixError) as exc:
            refused.append(refusal(instance, exc))
        progress.advance(1)
    clean = file_set._replace(
        patients=group(instances),
        documents=(),
        size=sum(instance.size for instance in instances),
    )
    return Deidentified(clean, tuple(refused), told.actions, told.accepted, tuple(told.links or ()))


class _Told(NamedTuple):
    """What is gathered of all objects; `links` None: nobody asked."""

    headers: HeaderReader
    links: list[Link] | None
    actions: Counter[tuple[int, str]]
    accepted: Counter[str]

    def add(self, made: Anonymized) -> None:
        """Note what was done to an object."""
        self.actions.update(made.actions)
        self.accepted.update(made.accepted)
        if self.links is not None:
            from emixcli.services.reidentification import link_of

            self.links.append(link_of(made))


def _describe(instance: Instance, reader: DeidentifyingReader, told: _Told) -> Instance:
    """Return the instance as the new object has it."""
    made, file = reader.anonymize_and_open(instance)
    with file:

        def read_at(offset: int, length: int) -> bytes:
            file.seek(offset)
            return file.read(length)

        header = told.headers.find(read_at(0, told.headers.head_length), made.size, read_at)
        if header is None:
            raise DeidError(Reason.NO_DICOM)
        told.add(made)
        name = instance.path.rpartition("/")[2]
        return Instance.of(
            instance.place, pack(name, header.own), header.shared, made.size, header.pixels
        )


class Outputs(Protocol):
    """The instances of a run, as they were and as they are now."""

    def open_old(self, instance: Instance) -> BinaryIO:
        """Open one as it was."""

    def open_new(self, instance: Instance) -> BinaryIO | None:
        """Open one as it is now; None where it was refused."""

    def repair(self, instance: Instance, repair: Repair) -> None:
        """Make one again, or take it out if the repair says that it is refused.

        One that was refused before stays so.
        """


def look_again(
    patients: Iterable[Patient],
    outputs: Outputs,
    report: Report,
    *,
    how: Deidentification,
    progress: ProgressListener = SILENT,
) -> None:
    """Search the new objects of each person for what stood in any of the old ones.

    Where something is found, that object is made again without it and searched again; where that
    does not help, it does not go out.

    Parameters
    ----------
    patients
        With the instances as they are on the medium.
    report
        Its profile says what may stay; it records what was found.
    how
        What was made with its key is no leak when an object is de-identified again.

    Raises
    ------
    DeidUnsafeError
        Something was found and nothing else is left.
    """
    from emixcli.deid.keyed import Keyed
    from emixcli.deid.verify import Verifier  # half a second: pydicom

    keyed = Keyed(how.key or b"", report.profile.rules.max_shift_days)
    patients = tuple(patients)
    progress.stage("verifying", 2 * sum(1 for _ in _instances(patients)), "files")
    for person in together(patients):
        verifier = Verifier(report.profile, ours=keyed.is_own)
        unread = set()
        for instance in _instances(person):
            if not learn(instance, verifier, outputs, how):
                unread.add(place_of(instance))
            progress.advance(1)
        for instance in _instances(person):
            if place_of(instance) in unread:
                outputs.repair(instance, Repair().given_up())
            else:
                _look_at(instance, verifier, outputs, report)
            progress.advance(1)
    if report.leaks and not report.n_verified:
        places = sorted({f"{leak.where} ({leak.kind})" for leak in report.leaks})
        raise DeidUnsafeError(
            f"the second look found {sum(report.leaks.values())} values of the input in what would"
            " go out; nothing is left of it",
            hint="at " + ", ".join(places[:5]) + "; this is a fault of emix: report it",
        )


def learn(instance: Instance, verifier: Verifier, outputs: Outputs, how: Deidentification) -> bool:
    """Take what stands in an instance as it was; return whether it can be read."""
    try:
        with outputs.open_old(instance) as file:
            if not verifier.learn(_nameless(file)):
                _learn_from_engine(verifier, file, how)
    except (OSError, EmixError):
        return False
    return True


def _look_at(instance: Instance, verifier: Verifier, outputs: Outputs, report: Report) -> None:
    """Look at one output, and have it made again as long as that may help."""
    repair = Repair()
    first: list[Leak] = []
    for attempt in range(TRIES + 1):
        found = outputs.open_new(instance)
        if found is None:
            return
        with found:
            leaks, words = verifier.look(_nameless(found))
        if not leaks:
            report.verified(first)
            return
        first = first or leaks
        further = repair.further(words, leaks)
        if attempt == TRIES or further == repair:
            break
        repair = further
        outputs.repair(instance, repair)
    outputs.repair(instance, repair.given_up())
    report.given_up(first)


def _learn_from_engine(verifier: Verifier, file: BinaryIO, how: Deidentification) -> None:
    """Let the first path say what stood in an object that the second cannot read."""
    with contextlib.suppress(DeidError):  # refused: nothing of it goes out
        made = how.anonymizer().anonymize(file)
        with contextlib.closing(made):
            verifier.add(made.identifiers())


class _Nameless:
    """A file without a name: pydicom asks buffered ones for it and looks them up on the disk."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
        self.close = file.close


def _nameless(file: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", _Nameless(file))


def place_of(item: Instance) -> Place:
    """Return what tells an instance from the others of its file-set."""
    return item.source, item.path


def _instances(patients: Iterable[Patient]) -> Iterator[Instance]:
    for patient in patients:
        for study in patient.studies:
            for series in study.series:
                yield from series.instances


def refusal(instance: Instance, exc: OSError | EmixError) -> Refused:
    """Return why an object is not in the result, in fixed words."""
    if isinstance(exc, DeidError):
        return Refused(instance.path, exc.reason, exc.message, exc.hint)
    return Refused(instance.path, UNREADABLE, "the file cannot be read", "")


def duplicates(scanned: FileSet) -> list[Refused]:
    """Return the objects that have the UID of another one."""
    words = "another object has its SOP Instance UID"
    return [Refused(item.path, DUPLICATE, words, "") for item in scanned.left_out]

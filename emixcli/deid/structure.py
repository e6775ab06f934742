"""Whether a de-identified object is built as Table E.1-1 and PS3.15 section E.1.1 ask.

Judged from what pydicom reads, without the engine: what should be gone is gone, what should be new
is not the old value, nothing private or unknown is left, nothing stands where readers do not look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from pydicom.datadict import dictionary_has_tag

from emixcli.deid import iods, tables
from emixcli.deid.evidence import STANDARD
from emixcli.deid.options import Option
from emixcli.deid.streams import iter_extras

if TYPE_CHECKING:
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset

    from emixcli.deid.evidence import Evidence
    from emixcli.deid.reading import Text

#: Elements of the file meta that PS3.10 and our writer need.
_META = frozenset(
    {0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013}
)
#: So many bytes behind the pixels are looked at; the search for values sees all.
_TAIL = 1 << 20
_META_UID = 0x00020003
_INSTANCE_UID = 0x00080018
_PIXELS = 0x7FE00010
#: Encrypted attributes may hold anything (PS3.3 section C.12.1.1.4).
_ENCRYPTED = frozenset({0x04000500, 0x04000510, 0x04000520})
_STRINGS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM",
                      "UC", "UI", "UR", "UT"})  # fmt: skip
#: Values that stand for nothing: an input that holds one may hold it still.
_DUMMIES = frozenset({
    "0", "030Y", "120000", "20000101", "20000101120000", "OTHER", "REMOVED", "about:blank",
})  # fmt: skip


class Leak(NamedTuple):
    """Something that should not be in an output.

    Parameters
    ----------
    kind
        `name`, `id`, `date`, `uid`: a value of an input. `kept`: an element as it was. `present`,
        `private`, `unknown`, `meta`, `preamble`, `hidden`, `tail`, `codestream`, `unreadable`,
        `uid-mismatch`: the structure.
    where
        Tags from the top as `0010,0010/0040,A123`, or `bytes`.
    how
        How it is spelt, or the rule that it breaks.
    """

    kind: str
    where: str
    how: str

    def tags(self) -> tuple[int, ...]:
        """Return the tag of the element, () where only bytes are known."""
        last = self.where.rpartition("/")[2].replace(",", "")
        return () if self.where == "bytes" else (int(last, 16),)


class Structure:
    """Holds the elements of an output against the rules, and against what the inputs held."""

    def __init__(self, evidence: Evidence, ours: Callable[[str], bool]) -> None:
        self._evidence = evidence
        self._ours = ours
        self._safe = dict(evidence.profile.rules.safe_private)
        if Option.RETAIN_SAFE_PRIVATE in evidence.profile.options:
            self._safe |= tables.safe_private()

    def check(self, file: BinaryIO, header: Dataset) -> Iterator[Leak]:
        """Yield what breaks a rule of the object as a whole."""
        file.seek(0)
        if file.read(132) != bytes(128) + b"DICM":
            yield Leak("preamble", "bytes", "E.1.1")
        if _uid(header.file_meta, _META_UID) != _uid(header, _INSTANCE_UID):
            yield Leak("uid-mismatch", "0002,0003", "PS3.10 7.1")
        if _has_tail(header, file):
            yield Leak("tail", "7FE0,0010", "PS3.5 8.1")
        for extra in _extras(header, file):
            yield Leak("codestream", "7FE0,0010", extra)

    def judge(self, text: Text) -> Leak | None:
        """Return the rule that an element breaks by itself."""
        kind, how = self._judge(text)
        return Leak(kind, where(text.path), how) if kind else None

    def _judge(self, text: Text) -> tuple[str, str]:
        """Return the kind of leak that an element is, "" for none."""
        group, tag = text.tag >> 16, text.tag
        if group == 2:
            return ("", "") if tag in _META else ("meta", "E.1.1")
        if group % 2:
            return ("", "") if self._is_safe(text) else ("private", "X")
        if group in {0, 4} or tag in _ENCRYPTED:
            return "present", "E.1.1"
        if text.vr in _STRINGS and text.data.partition(b"\0")[2].strip(b" \0"):
            return "hidden", "after NUL"
        return self._by_table(text)

    def _by_table(self, text: Text) -> tuple[str, str]:
        asked = self._evidence.rules.action(text.tag)
        if asked == "X" and text.data.strip(b" \0") and not _is_required(text.path):
            return "present", asked
        if asked in {"", "K", "C"}:
            return ("", "") if asked or _is_known(text.tag) else ("unknown", "E.1.1")
        old = self._evidence.values.get(text.tag, ())
        value = text.data.rstrip(b" \0")
        if text.vr != "SQ" and value and hash(value) in old and not self._may_stay(text):
            return "kept", asked
        return "", ""

    def _may_stay(self, text: Text) -> bool:
        """Whether a value is a pseudonym of ours, a UID of the standard, or a dummy."""
        return bool(text.values) and all(
            self._ours(value) or STANDARD.fullmatch(value) is not None or value in _DUMMIES
            for value in text.values
        )

    def _is_safe(self, text: Text) -> bool:
        """Whether a private element is one that the option (Table E.3.10-1) or the site keeps."""
        safe = self._safe
        group, element = text.tag >> 16, text.tag & 0xFFFF
        if 0x10 <= element <= 0xFF:
            value = text.values[0] if text.values else ""
            return any(creator == value for creator, _ in safe)
        return (text.creator, group << 16 | element & 0xFF) in safe


def _is_required(path: tuple[int, ...]) -> bool:
    """Whether some IOD needs the attribute, so that a dummy may stand in for it."""
    types = iods.types_in(path[-2]) if len(path) > 1 else iods.types_of("")
    return path[-1] in types


def _is_known(tag: int) -> bool:
    if 0x6000 <= tag >> 16 <= 0x601E:
        return True
    return tag in tables.dictionary() or dictionary_has_tag(tag)


def _uid(ds: Dataset, tag: int) -> str:
    """Return a UID as it stands, "" where there is none."""
    if tag not in ds:
        return ""
    value = cast("RawDataElement", ds.get_item(tag)).value
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return text.strip(" \0")


def _has_tail(ds: Dataset, file: BinaryIO) -> bool:
    """Whether native pixel data is longer than the image, with more than zeros behind it."""
    try:
        if _PIXELS not in ds or ds.file_meta.TransferSyntaxUID.is_encapsulated:
            return False
        element = cast("RawDataElement", ds.get_item(_PIXELS, keep_deferred=True))
        samples = int(str(ds.get("SamplesPerPixel", "") or 1))
        frames = int(str(ds.get("NumberOfFrames", "") or 1))
        if str(ds.get("PhotometricInterpretation", "")) == "YBR_FULL_422":
            samples = 2
        bits = int(ds.Rows) * int(ds.Columns) * samples * frames * int(ds.BitsAllocated)
    except Exception:  # noqa: BLE001 - pydicom raises what it likes where a number is none
        return False
    used = max(0, (bits + 15) // 16 * 2)
    if isinstance(element.value, bytes):
        return bool(element.value[used:].strip(b"\0"))
    is_open = ds.file_meta.TransferSyntaxUID.is_deflated or element.length == 0xFFFFFFFF
    if is_open or element.length <= used:
        return False
    file.seek(element.value_tell + used)
    return bool(file.read(min(element.length - used, _TAIL)).strip(b"\0"))


def _extras(ds: Dataset, file: BinaryIO) -> set[str]:
    """Return what compressed pixel data carries beside pixels."""
    try:
        if _PIXELS not in ds or not ds.file_meta.TransferSyntaxUID.is_encapsulated:
            return set()
        element = cast("RawDataElement", ds.get_item(_PIXELS, keep_deferred=True))
        return set(iter_extras(file, element.value_tell))
    except Exception:  # noqa: BLE001 - not told apart: the search for values sees all bytes
        return set()


def where(path: tuple[int, ...]) -> str:
    """Return a path for people."""
    return "/".join(f"{tag >> 16:04X},{tag & 0xFFFF:04X}" for tag in path)

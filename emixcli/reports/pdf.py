"""What a PDF holds besides its pages: programs, commands, forms, files, addresses.

Pages are drawn by the browser's own reader; here the objects are only looked through, and nothing
of them is run, opened or fetched. Limits are counts, so that the same file gives the same answer on
any machine.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emixcli.reports import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pypdf import PdfReader

    from emixcli.reports.blocks import Block

_MARK: Final = b"%PDF-"
_MAX_SIZE: Final = 64 * 2**20
_MAX_OBJECTS: Final = 20_000
_MAX_STEPS: Final = 200_000
_MAX_READS: Final = 1_000_000
_MAX_STREAM: Final = 8 * 2**20
_MAX_STREAMS: Final = 24 * 2**20
_MAX_PLACES: Final = 2_000_000
_DAMAGED: Final = "The PDF is damaged: it may not open, and could not be looked through."
_TOO_LARGE: Final = "The PDF is too large to be looked through for active content."
_MAX_TARGETS: Final = 5
_MAX_TARGET: Final = 120

#: Values of /S (ISO 32000-1 table 198) and keys of dictionaries, by what they mean for a reader.
_ACTIONS: Final = {
    "/JavaScript": "programs (JavaScript)", "/Launch": "commands that start other programs",
    "/SubmitForm": "forms that send data elsewhere", "/ImportData": "forms that read other files",
    "/GoToR": "links to other files", "/GoToE": "links to attached files",
    "/URI": "links to addresses", "/RichMediaExecute": "moving or three-dimensional content",
}  # fmt: skip
_KEYS: Final = {
    "/JS": "programs (JavaScript)", "/JavaScript": "programs (JavaScript)",
    "/XFA": "a form that only some programs show (XFA)", "/EmbeddedFiles": "attached files",
    "/EF": "attached files", "/RichMediaContent": "moving or three-dimensional content",
}  # fmt: skip
_HARMLESS: Final = frozenset({_ACTIONS["/URI"], _ACTIONS["/GoToE"]})
_TARGET_KEYS: Final = ("/URI", "/F", "/UF", "/Win")


class Seen(NamedTuple):
    """What is to be told of a PDF, and the words of its pages."""

    notes: tuple[Block, ...]
    text: str


def look(data: bytes) -> Seen:
    """Return notes on what the reader of a PDF must know, none for one of pages only; its words."""
    if _n_objects(data) > _MAX_OBJECTS or len(data) > _MAX_SIZE:
        return Seen((*_of_its_mark(data), blocks.note(_TOO_LARGE, strong=True)), "")
    walk = _Walk()
    problem = walk.through(data)
    return Seen((*_of_its_mark(data), *_notes(walk, problem)), walk.text)


def render(data: bytes) -> tuple[Block, ...]:
    """Return the notes alone."""
    return look(data).notes


def _of_its_mark(data: bytes) -> Iterator[Block]:
    if not data.startswith(_MARK):
        yield blocks.note(
            "The file does not begin as a PDF does: other programs may take it for something else.",
            strong=True,
        )


def _notes(walk: _Walk, problem: str) -> Iterator[Block]:
    active = sorted(walk.found - _HARMLESS)
    if active:
        words = ", ".join(active)
        yield blocks.note(f"The PDF holds {words}: it is not shown, so nothing runs.", strong=True)
    if walk.targets:
        shown = ", ".join(sorted(walk.targets)[:_MAX_TARGETS])
        more = len(walk.targets) - _MAX_TARGETS
        rest = f" and {more} more" if more > 0 else ""
        yield blocks.note(f"Its links lead elsewhere: {shown}{rest}.")
    if problem:
        yield blocks.note(problem, strong=True)


def _n_objects(data: bytes) -> int:
    """Return about how many objects there are, counted without reading them."""
    return data.count(b" obj") + data.count(b"\robj") + data.count(b"\nobj")


def _errors() -> tuple[type[Exception], ...]:
    """Return what pypdf raises on damaged files."""
    from pypdf.errors import PyPdfError

    return (
        PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError,
        OverflowError, AssertionError, OSError, NotImplementedError, MemoryError,
    )  # fmt: skip


class _LimitError(Exception):
    """There is more to read than would be quick."""


class _Counted(io.BytesIO):
    """Bytes that may be asked for so many times: pypdf reads letter by letter."""

    n_reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes."""
        self.n_reads += 1
        if self.n_reads > _MAX_READS:
            raise _LimitError
        return super().read(size)


class _Walk:
    """Looks through all objects that can be reached, each once."""

    def __init__(self) -> None:
        self._streams: dict[int, int] = {}
        self._n_unpacked = self._n_places = 0
        self.found: set[str] = set()
        self.targets: set[str] = set()
        self._seen: set[tuple[int, int]] = set()
        self._n_font_bytes = self._largest_form = 0
        self.text = ""

    def through(self, data: bytes) -> str:
        """Look through a file; return what hindered it, in words."""
        from pypdf import Configuration, PdfReader, apply_configuration
        from pypdf.errors import LimitReachedError

        logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings quote the file
        limits = Configuration(zlib_maximum_output_length=_MAX_STREAM)
        source = _Counted(data)
        try:
            with apply_configuration(limits):
                reader = PdfReader(source, strict=False)
                if reader.is_encrypted and not reader.decrypt(""):
                    return "The PDF needs a password, which its sender has to tell."
                problem = self._all(reader)
                # pypdf takes the error of a limit for damage, and goes on without the object
                if source.n_reads > _MAX_READS:
                    return _TOO_LARGE
                self.text = "" if problem else self._words(reader)
                return problem
        except (_LimitError, LimitReachedError):
            return _TOO_LARGE
        except _errors():
            return _DAMAGED

    def _words(self, reader: PdfReader) -> str:
        """Return the words of the pages; a page that cannot be read has none."""
        from emixcli.reports.pdf_text import EnoughError, page_text

        try:
            return page_text(
                reader, n_font_bytes=self._n_font_bytes, largest_form=self._largest_form
            )
        except (EnoughError, _LimitError):
            return ""
        except _errors():
            return ""

    def _all(self, reader: PdfReader) -> str:
        root = reader.trailer.get("/Root")
        if not isinstance(root.get_object() if root is not None else None, dict):
            return _DAMAGED
        waiting: list[Any] = [root]
        n_steps = 0
        while waiting:
            n_steps += 1
            if n_steps > _MAX_STEPS:
                return _TOO_LARGE
            one = self._resolved(waiting.pop(), reader)
            if isinstance(one, dict):
                self._look(one)
                waiting.extend(one.values())
            elif isinstance(one, list):
                waiting.extend(one)
        return ""

    def _resolved(self, one: Any, reader: PdfReader) -> Any:
        """Return what a reference leads to, once."""
        from pypdf.generic import IndirectObject

        if not isinstance(one, IndirectObject):
            return one
        key = (one.idnum, one.generation)
        if key in self._seen:
            return None
        self._seen.add(key)
        if one.idnum in reader.xref_objStm:
            self._unpack(reader, reader.xref_objStm[one.idnum][0])
        return one.get_object()

    def _unpack(self, reader: PdfReader, number: int) -> None:
        """Count what it costs to find one more object in a stream of objects."""
        from pypdf.generic import StreamObject

        if number not in self._streams:
            stream: Any = reader.get_object(number)
            is_stream = isinstance(stream, StreamObject)
            self._n_unpacked += len(stream.get_data()) if is_stream else 0
            count = stream.get("/N", 0) if is_stream else 0
            self._streams[number] = count if isinstance(count, int) else 0
        self._n_places += self._streams[number]
        if self._n_unpacked > _MAX_STREAMS or self._n_places > _MAX_PLACES:
            raise _LimitError

    def _look(self, one: dict[Any, Any]) -> None:
        action = str(one.get("/S", "")) if one.get("/S") is not None else ""
        if action in _ACTIONS:
            self.found.add(_ACTIONS[action])
        self.found.update(words for key, words in _KEYS.items() if key in one)
        if "/ToUnicode" in one:
            self._n_font_bytes += _length(one["/ToUnicode"])
        if one.get("/Subtype") == "/Form":
            self._largest_form = max(self._largest_form, _length(one))
        if action in ("/URI", "/GoToR", "/Launch", "/SubmitForm", "/ImportData"):
            self._target(one)

    def _target(self, action: dict[Any, Any]) -> None:
        for key in _TARGET_KEYS:
            value = action.get(key)
            if isinstance(value, dict):
                value = value.get("/UF") or value.get("/F")
            if isinstance(value, str | bytes):
                text = value.decode("latin-1") if isinstance(value, bytes) else value
                if text:
                    self.targets.add(blocks.one_line(text)[:_MAX_TARGET])


def _length(stream: Any) -> int:
    """Return how long a stream is unpacked, 0 for what is none."""
    get_data = getattr(stream, "get_data", None)
    return len(get_data()) if get_data else 0

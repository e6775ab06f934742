"""XML of strangers, parsed so that nothing but the file itself is read.

Every document type declaration is refused: with it go entities, defaults of attributes and
anything that is fetched. Size, depth and number of elements have limits.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from emixcli.errors import ReportError

MAX_SIZE: Final = 64 * 2**20
_MAX_DEPTH: Final = 200
_MAX_ELEMENTS: Final = 1_000_000
_DECLARATION: Final = re.compile(
    r"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)[\"']", re.IGNORECASE
)
_NATIVE: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "utf-16", "iso-8859-1"})


class _LimitError(Exception):
    """A limit was passed; the text says which."""


def parse(data: bytes) -> Element:
    """Return the root element; names of elements and attributes are without name space.

    Raises
    ------
    ReportError
        Not well-formed, with a document type declaration, too large or too deep.
    """
    if len(data) > MAX_SIZE:
        raise ReportError("an XML report is too large", hint="at most 64 MB are read")
    builder = _Builder()
    try:
        return builder.build(_decoded(data))
    except _LimitError as error:
        raise ReportError(
            f"an XML report is refused: {error}", hint="ask its sender for a plain document"
        ) from None
    except (expat.ExpatError, UnicodeError, LookupError, AssertionError):
        # The parser's own words may quote the document.
        raise ReportError(
            "an XML report is not well-formed", hint="it can be sent, but not be shown"
        ) from None


def local(name: str) -> str:
    """Return a name without its name space."""
    return name.rpartition("}")[2].rpartition(":")[2]


def text_of(element: Element | None) -> str:
    """Return all words in an element on one line, "" for none."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


def _decoded(data: bytes) -> bytes:
    """Return XML in a character set that the parser knows, the declaration left out."""
    match = _DECLARATION.match(data[:200].decode("latin-1"))
    if not match or match[1].lower() in _NATIVE or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data
    text = data.decode(match[1])
    return text[text.index("?>") + 2 :].encode()


class _Builder:
    """Builds the tree and counts."""

    def __init__(self) -> None:
        self._tree = TreeBuilder()
        self._depth = 0
        self._n_elements = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._tree.data
        self._parser.StartDoctypeDeclHandler = self._doctype

    def build(self, data: bytes) -> Element:
        self._parser.Parse(data, True)  # noqa: FBT003 - expat takes no keyword
        return self._tree.close()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._n_elements += 1
        if self._depth > _MAX_DEPTH:
            raise _LimitError("its elements are nested too deep")
        if self._n_elements > _MAX_ELEMENTS:
            raise _LimitError("it has too many elements")
        self._tree.start(local(name), {local(key): value for key, value in attributes.items()})

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._tree.end(local(name))

    def _doctype(self, *_: object) -> None:
        raise _LimitError("it has a document type declaration")

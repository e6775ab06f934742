"""What of a sown study is left in files: by bytes and by text, in many spellings."""

from __future__ import annotations

import base64
import datetime as dt
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping

from pydicom import Dataset

from tests.sown.ledger import Kind, Sown
from tests.sown.study import read

_ENCODINGS = (
    "utf-8", "utf-16-le", "utf-16-be", "gb18030", "euc_kr", "iso2022_jp", "euc_jp", "shift_jis",
    "iso8859_5", "iso8859_7", "iso8859_6", "koi8_r",
)  # fmt: skip
_DAYS = (
    "%Y%m%d", "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y",
    "%d%m%Y", "%m%d%Y", "%d.%m.%y", "%d/%m/%y", "%d. %m. %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y",
    "%B %d %Y", "%d%b%Y",
)  # fmt: skip
#: Pseudonyms and new UIDs, which hold digits and letters by chance.
_OURS = re.compile(rb"2\.25\.\d+|ANON-\w+")
_SHORT = 4
_LEAST_KNOWN = 5


def forms(sown: Sown) -> set[bytes]:
    """Return how a value may stand in bytes."""
    value = sown.value
    if sown.kind is Kind.DAY:
        day = dt.date.fromisoformat(value)
        return {day.strftime(form).encode() for form in _DAYS} | {f"{day:%Y%m%d}"[::-1].encode()}
    if sown.kind is not Kind.TEXT:
        return {value.encode(), value.encode("utf-16-le")}
    if value.isascii() and len(value) < _LEAST_KNOWN:
        return set()
    made = set()
    for text in {value, value.upper(), value.lower(), value[::-1] if value.isascii() else value}:
        for encoding in _ENCODINGS:
            made |= {text.encode(encoding, "ignore")}
        if value.isascii():
            made |= {text.encode().hex().encode(), *_base64(text.encode())}
    return {form for form in made if len(form) > _SHORT}


def _base64(data: bytes) -> Iterator[bytes]:
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + data).rstrip(b"=")
        yield text[(0, 2, 3)[shift] : len(text) - 1]


def survivors(sown: tuple[Sown, ...], outputs: Mapping[str, bytes]) -> dict[Sown, str]:
    """Return what is left, with the name of a file."""
    table: defaultdict[bytes, list[tuple[bytes, Sown]]] = defaultdict(list)
    for one in sown:
        for form in forms(one):
            table[form[:_SHORT]].append((form, one))
    found: dict[Sown, str] = {}
    for name, data in outputs.items():
        for view in _views(data):
            for at in range(len(view) - _SHORT + 1):
                for form, one in table.get(view[at : at + _SHORT], ()):
                    if view.startswith(form, at):
                        found.setdefault(one, name)
    return found


def _views(data: bytes) -> Iterator[bytes]:
    """Yield the bytes, what is deflated in them, and the text that pydicom decodes."""
    start = 132 + 12 + int.from_bytes(data[140:144], "little")
    if b"1.2.840.10008.1.2.1.99" in data[:start]:
        yield zlib.decompressobj(-15).decompress(data[start:])
    yield _OURS.sub(b"~", data)
    for match in re.finditer(rb"\x78[\x01\x9c\xda]", data):
        try:
            yield zlib.decompressobj().decompress(data[match.start() :])
        except zlib.error:
            continue
    yield _OURS.sub(b"~", "\n".join(_texts(read(data))).encode("utf-8", "replace"))


def _texts(ds: Dataset) -> Iterator[str]:
    for element in ds:
        if element.VR == "SQ":
            for one in element.value:
                yield from _texts(one)
        elif not isinstance(element.value, bytes):
            yield str(element.value)

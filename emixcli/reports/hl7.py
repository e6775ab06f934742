"""HL7 v2 messages as they are: split, decoded, read; never changed, never written again.

Values are read by this tokeniser alone: parsers that know the structures of each version drop
segments they do not expect and write values anew. The bytes of a message stay at hand in
`Message.raw`. Batches, MLLP frames, byte order marks, any line end and lines that continue the
segment before them are read (HL7 v2.9 chapter 2).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from emixcli.errors import ReportError

_START: Final = re.compile(rb"(?:(?<=[\r\n\x0b\x1c])|^)[ \t]*(?=MSH[^\w\s])", re.MULTILINE)
_ENVELOPE: Final = re.compile(rb"[\r\n]+(?:[FB]TS|[FB]HS)[^\w\s][^\r\n]*|[\x1c\x0b]")
#: Characters of a name, number, date or code; the texts of observations are read whole.
_MAX_VALUE: Final = 1_000_000
_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_BOMS: Final = (
    (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"),
)  # fmt: skip
_WIDE: Final = (("M\0S\0H\0", "utf-16-le"), ("\0M\0S\0H", "utf-16-be"))
_DEFAULT: Final = "cp1252"
_MAX_MESSAGE: Final = 64 * 2**20
_MSH_18: Final = 17  # MSH-1 is the separator itself, so MSH-n stands at index n - 1

#: Table 0211 of HL7 v2, without blanks, hyphens and case, to Python's names.
_CHARSETS: Final = {
    "ascii": "ascii", "isoir6": "ascii", "88591": "latin-1", "88592": "iso8859-2",
    "88593": "iso8859-3", "88594": "iso8859-4", "88595": "iso8859-5", "88596": "iso8859-6",
    "88597": "iso8859-7", "88598": "iso8859-8", "88599": "iso8859-9", "885915": "iso8859-15",
    "isoir100": "latin-1", "isoir14": "iso2022_jp", "isoir87": "iso2022_jp",
    "isoir159": "iso2022_jp_1", "gb180302000": "gb18030", "ksx1001": "euc_kr", "big5": "big5",
    "cns116431992": "euc_tw", "unicode": "utf-8", "unicodeutf8": "utf-8", "utf8": "utf-8",
    "unicodeutf16": "utf-16", "unicodeutf32": "utf-32", "isoir192": "utf-8",
}  # fmt: skip
_SINGLE_BYTE: Final = re.compile(r"ascii|latin-1|iso8859|cp\d")


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The characters that MSH-1 and MSH-2 name."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment.

    Parameters
    ----------
    text
        As it stands in the message, lines that continue it included; not unescaped.
    """

    text: str
    delimiters: Delimiters

    @property
    def name(self) -> str:
        """Its three letters."""
        return self.text[:3]

    def field(self, number: int) -> str:
        """Return field `number`, counted as in the standard; empty if it is not there."""
        if self.name in ("MSH", "FHS", "BHS"):
            number -= 1
        parts = self.text.split(self.delimiters.field, number + 1)
        return parts[number] if 0 < number < len(parts) else ""

    def fields(self) -> Iterator[tuple[int, str]]:
        """Yield number and text of each field that is not empty, MSH-1 left out."""
        first = 2 if self.name in ("MSH", "FHS", "BHS") else 1
        parts = self.text.split(self.delimiters.field)[1:]
        yield from ((number, part) for number, part in enumerate(parts, first) if part)

    def repetitions(self, number: int) -> list[str]:
        """Return the repetitions of a field; none if it is empty."""
        value = self.field(number)
        return value.split(self.delimiters.repetition) if value else []

    def components(self, number: int) -> list[str]:
        """Return the components of the first repetition of a field, escapes in place."""
        value = self.field(number).split(self.delimiters.repetition, 1)[0]
        return value.split(self.delimiters.component)

    def value(self, number: int, component: int = 1) -> str:
        """Return a component of the first repetition, without escapes and outer blanks.

        Of one that is longer than any name, number, date or code, the beginning.
        """
        parts = self.components(number)
        text = parts[component - 1] if component <= len(parts) else ""
        return unescape(text[:_MAX_VALUE], self.delimiters).strip()


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Parameters
    ----------
    raw
        Its bytes.
    charset
        By which they were decoded, as Python names it.
    in_doubt
        The characters beyond ASCII may be others: names must not be compared.
    segments
        All of them, in order.
    """

    raw: bytes
    charset: str
    in_doubt: bool
    delimiters: Delimiters
    segments: tuple[Segment, ...]

    def all(self, *names: str) -> Iterator[Segment]:
        """Yield the segments of these names."""
        return (segment for segment in self.segments if segment.name in names)

    def first(self, name: str) -> Segment:
        """Return the first segment of this name, or an empty one."""
        return next(self.all(name), Segment(name, self.delimiters))

    @property
    def kind(self) -> str:
        """Message type, as `ORU`."""
        return self.first("MSH").value(9)


def read_messages(data: bytes) -> list[Message]:
    """Return the messages of a file.

    Raises
    ------
    ReportError
        There is none, or one is too large.
    """
    data, charset = _narrow(data)
    starts = [match.end() for match in _START.finditer(data)]
    if not starts:
        raise ReportError("no HL7 message was found", hint="is it a file of HL7 v2?")
    ends = [*starts[1:], len(data)]
    return [_read(_cut(data[start:end]), charset) for start, end in zip(starts, ends, strict=True)]


def _narrow(data: bytes) -> tuple[bytes, str | None]:
    """Return UTF-16 and UTF-32 as UTF-8; the character set where a mark or its width told."""
    for mark, charset in _BOMS:
        if data.startswith(mark):
            return _recode(data, charset), "utf-8"
    for start, charset in _WIDE:
        if data.startswith(start.encode()):
            return _recode(data, charset), "utf-8"
    return data, None


def _recode(data: bytes, charset: str) -> bytes:
    return data.decode(charset, "replace").encode("utf-8", "replace")


def _cut(data: bytes) -> bytes:
    """Leave out what follows a message: the end of a frame, trailers and headers of batches."""
    end = _ENVELOPE.search(data)
    return data[: end.start()] if end else data


def _read(raw: bytes, charset: str | None) -> Message:
    if len(raw) > _MAX_MESSAGE:
        raise ReportError("an HL7 message is too large", hint="at most 64 MB are read")
    text, charset, in_doubt = _decode(raw, charset)
    delimiters = _delimiters(text)
    return Message(raw, charset, in_doubt, delimiters, tuple(_segments(text, delimiters)))


def _delimiters(text: str) -> Delimiters:
    """Read MSH-1 and MSH-2; what is missing there is as usual."""
    usual = Delimiters()
    field = text[3:4] or usual.field  # a frame may end behind the three letters
    given = text[4:].split(field, 1)[0].strip()[:4]
    rest = (usual.component, usual.repetition, usual.escape, usual.subcomponent)
    component, repetition, escape, subcomponent = [*given, *rest[len(given) :]]
    return Delimiters(field, component, repetition, escape, subcomponent)


def _segments(text: str, delimiters: Delimiters) -> Iterator[Segment]:
    """Yield segments; a line that does not begin like one continues the one before it."""
    lines: list[str] = []
    for line in re.split(r"\r\n|\r|\n", text):
        stripped = line.lstrip(" \t\x0b")
        if stripped[3:4] == delimiters.field and _SEGMENT.match(stripped[:3]):
            if lines:
                yield Segment("\n".join(lines).rstrip("\n"), delimiters)
            lines = [stripped]
        elif lines:
            lines.append(line)
    if lines:
        yield Segment("\n".join(lines).rstrip("\n"), delimiters)


def _decode(raw: bytes, known: str | None) -> tuple[str, str, bool]:
    """Return text, character set and whether it is in doubt.

    What MSH-18 declares, if the bytes obey it; UTF-8 where they are valid UTF-8 and a set of single
    bytes was declared, since that is the likelier truth; cp1252 where nothing fits.
    """
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii"), known or "ascii", False
    declared = known or _declared(raw)
    if declared and not _SINGLE_BYTE.match(declared):
        text = _try(raw, declared)
        if text is not None:
            return text, declared, False
    text = _try(raw, "utf-8")
    if text is not None and b"\x1b" not in raw:
        return text, "utf-8", False
    text = _try(raw, declared) if declared else None
    if declared and text is not None:
        return text, declared, False
    return raw.decode(_DEFAULT, "replace"), _DEFAULT, True


def _declared(raw: bytes) -> str | None:
    fields = re.split(rb"[\r\n]", raw, maxsplit=1)[0].split(raw[3:4])
    if len(fields) <= _MSH_18:
        return None
    repetition = raw[5:6]
    names = fields[_MSH_18].decode("ascii", "replace").split(repetition.decode("ascii", "replace"))
    found = [_CHARSETS.get(re.sub(r"[\W_]", "", name).lower()) for name in names if name.strip()]
    # The first is the set in use; those behind it are switched to by escape sequences.
    return found[-1] if found and found[-1] == "iso2022_jp" else (found or [None])[0]


def _try(raw: bytes, charset: str) -> str | None:
    try:
        return raw.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return None


_ESCAPE_NAMES: Final = "FSTRE"


@functools.lru_cache(maxsize=16)
def _escape_pattern(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    return re.compile(f"{mark}([^{mark}\r\n]{{0,200}}){mark}")


def unescape(text: str, delimiters: Delimiters) -> str:
    r"""Return text without escape sequences (HL7 v2.9 section 2.7).

    `\.br\` and its kin become line ends, highlighting is dropped, `\Xhh\` becomes characters, and
    what is not known stays as it is.
    """
    if delimiters.escape not in text:
        return text

    def one(match: re.Match[str]) -> str:
        return _unescaped(match[1], delimiters) if match[1] else match[0]

    mark = re.escape(delimiters.escape)
    # Bytes of one character may be escaped one by one.
    text = re.sub(
        rf"(?<={mark}X)((?:[0-9A-Fa-f]{{2}})+){mark}{mark}X(?=[0-9A-Fa-f]{{2}})", r"\1", text
    )
    return _escape_pattern(delimiters.escape).sub(one, text)


def _unescaped(code: str, delimiters: Delimiters) -> str:
    escape = delimiters.escape
    values = (
        delimiters.field, delimiters.component, delimiters.subcomponent,
        delimiters.repetition, escape,
    )  # fmt: skip
    if code in _ESCAPE_NAMES and len(code) == 1:
        return values[_ESCAPE_NAMES.index(code)]
    if code in ("H", "N"):
        return ""
    if re.fullmatch(r"X(?:[0-9A-Fa-f]{2})+", code):
        raw = bytes.fromhex(code[1:])
        return _try(raw, "utf-8") or raw.decode(_DEFAULT, "replace")
    if re.fullmatch(r"\.(?:br|ce|sp)\+?\d{0,2}", code):
        number = re.sub(r"\D", "", code)
        return "\n" * max(1, int(number or 1))
    if re.fullmatch(r"\.(?:in|ti|sk|fi|nf)[+-]?\d{0,3}", code):
        return " " * min(int(re.sub(r"\D", "", code) or 0), 40) if code.startswith(".sk") else ""
    return f"{escape}{code}{escape}"

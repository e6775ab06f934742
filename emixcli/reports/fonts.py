"""The fonts of this machine that reports are drawn with."""

from __future__ import annotations

import contextlib
import functools
import os
import struct
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emixcli.errors import ReportError
from emixcli.reports.truetype import Font, FontError, load

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Files in the order in which they are tried: fixed width first, then those of many letters.
_FILES: Final = (
    "DejaVuSansMono.ttf", "LiberationMono-Regular.ttf", "NotoSansMono-Regular.ttf", "consola.ttf",
    "Menlo.ttc", "cour.ttf", "Courier New.ttf", "FreeMono.ttf", "DejaVuSans.ttf",
    "NotoSans-Regular.ttf", "arial.ttf", "Arial Unicode.ttf", "DroidSansFallbackFull.ttf",
    "DroidSansFallback.ttf", "wqy-microhei.ttc", "wqy-zenhei.ttc", "msgothic.ttc", "msyh.ttc",
    "simsun.ttc", "mingliu.ttc", "malgun.ttf", "STHeiti Light.ttc", "AppleGothic.ttf",
    "NanumGothic.ttf", "NanumGothicCoding.ttf", "ipag.ttf", "TakaoGothic.ttf",
    "fonts-japanese-gothic.ttf", "unifont.ttf",
)  # fmt: skip
_MAX_SIZE: Final = 64 * 2**20
#: Written from right to left: what stands where is more than a glyph for each letter.
_LEFTWARD: Final = frozenset({"R", "AL", "AN"})
_VARIANTS: Final = range(0xFE00, 0xFE10)


def _folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "win32":
        windows = Path(os.environ.get("WINDIR", r"C:\Windows"))
        return [windows / "Fonts", home / "AppData/Local/Microsoft/Windows/Fonts"]
    if sys.platform == "darwin":
        return [home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    return [
        home / ".local/share/fonts", home / ".fonts", Path("/usr/local/share/fonts"),
        Path("/usr/share/fonts"),
    ]  # fmt: skip


@functools.lru_cache(maxsize=1)
def _paths() -> tuple[Path, ...]:
    """Return the font files that are tried, in order."""
    found: dict[str, Path] = {}
    for folder in _folders():
        for base, _, names in os.walk(folder):
            for name in names:
                found.setdefault(name, Path(base, name))
    return tuple(found[name] for name in _FILES if name in found)


@functools.lru_cache(maxsize=len(_FILES))
def _load(path: Path) -> Font | None:
    with contextlib.suppress(OSError, FontError):
        if path.stat().st_size <= _MAX_SIZE:
            return load(path.read_bytes())
    return None


def _iter_fonts() -> Iterator[Font]:
    return (font for path in _paths() if (font := _load(path)) is not None)


class Letters:
    """Finds fonts for the letters of one document.

    Attributes
    ----------
    fonts
        Those in use, in the order in which they came up.
    used
        For each, its glyphs in use with the letter that each stands for.
    """

    def __init__(self) -> None:
        self.fonts: list[Font] = []
        self.used: list[dict[int, str]] = []
        self._found: dict[str, tuple[int, int]] = {}
        self._missing: set[str] = set()

    def require(self, text: str) -> None:
        """Find the glyphs of all letters of a text.

        Raises
        ------
        ReportError
            Letters cannot be drawn: no font here has them, or they are written from right to left
            or around each other.
        """
        for letter in sorted(set(text) - self._found.keys()):
            place = None if _needs_shaping(letter) else self._find(letter)
            if place is None:
                self._missing.add(_script(letter))
            else:
                self._found[letter] = place
        if self._missing:
            scripts = ", ".join(sorted(self._missing)[:5])
            raise ReportError(
                f"a report has letters that cannot be drawn here: {scripts}",
                hint="a font such as DejaVu Sans Mono or Droid Sans Fallback may be missing on"
                " this machine; the forms text and original have all letters",
            )

    def glyph(self, letter: str) -> tuple[int, int]:
        """Return the number of the font and of the glyph of a letter that was required."""
        return self._found[letter]

    def _find(self, letter: str) -> tuple[int, int] | None:
        for number, font in enumerate(self.fonts):
            if (glyph := font.glyphs.get(ord(letter))) is not None:
                return self._use(number, glyph, letter)
        for font in _iter_fonts():
            if (glyph := font.glyphs.get(ord(letter))) is not None and _is_whole(font, glyph):
                self.fonts.append(font)
                self.used.append({})
                return self._use(len(self.fonts) - 1, glyph, letter)
        return None

    def _use(self, number: int, glyph: int, letter: str) -> tuple[int, int]:
        self.used[number].setdefault(glyph, letter)
        return number, glyph


def _is_whole(font: Font, glyph: int) -> bool:
    """Whether a glyph can be embedded."""
    try:
        font.width(glyph)
        font.subset([glyph])
    except (FontError, struct.error, IndexError, KeyError):
        return False
    return True


def drawn(text: str) -> str:
    """Return text without letters that show nothing, and with every blank as a plain one."""
    return "".join(
        " " if unicodedata.category(letter) == "Zs" else letter
        for letter in text
        if unicodedata.category(letter) != "Cf" and ord(letter) not in _VARIANTS
    )


def _needs_shaping(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in _LEFTWARD or unicodedata.category(letter)[0] == "M"


def _script(letter: str) -> str:
    """Return what a letter belongs to, in words of Unicode: no letter of a name is told."""
    return unicodedata.name(letter, "unnamed").split()[0].split("-")[0].lower()

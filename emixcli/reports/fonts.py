"""The fonts of this machine that reports are drawn with."""

from __future__ import annotations

import functools
import os
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emixcli.errors import ReportError

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
def _load(path: Path) -> Any:
    """Return a font of ReportLab, which embeds the letters in use; None for one it cannot take."""
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    try:
        return TTFont(path.name, str(path)) if path.stat().st_size <= _MAX_SIZE else None
    except (OSError, TTFError):
        return None


def _iter_fonts() -> Iterator[Any]:
    return (font for path in _paths() if (font := _load(path)) is not None)


class Letters:
    """Finds fonts for the letters of one document."""

    def __init__(self) -> None:
        self._fonts: dict[str, Any] = {}

    def require(self, text: str) -> None:
        """Find a font for each letter of a text.

        Raises
        ------
        ReportError
            Letters cannot be drawn: no font here has them, or they are written from right to left
            or around each other.
        """
        missing = set()
        for letter in sorted(set(text) - self._fonts.keys()):
            font = None if _needs_shaping(letter) else self._find(letter)
            if font is None:
                missing.add(_script(letter))
            else:
                self._fonts[letter] = font
        if missing:
            scripts = ", ".join(sorted(missing)[:5])
            raise ReportError(
                f"a report has letters that cannot be drawn here: {scripts}",
                hint="a font such as DejaVu Sans Mono or Droid Sans Fallback may be missing on"
                " this machine; the forms text and original have all letters",
            )

    def font(self, letter: str) -> str:
        """Return the name of the font of a letter that was required."""
        return str(self._fonts[letter].fontName)

    def width(self, letter: str) -> float:
        """Return the width of such a letter in ems."""
        return float(self._fonts[letter].face.getCharWidth(ord(letter))) / 1000

    def fonts(self) -> list[Any]:
        """Return the fonts in use."""
        return [*dict.fromkeys(self._fonts.values())]

    def _find(self, letter: str) -> Any:
        fonts = (*self.fonts(), *_iter_fonts())
        return next((font for font in fonts if ord(letter) in font.face.charToGlyph), None)


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

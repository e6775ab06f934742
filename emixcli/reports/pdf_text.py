"""The words on the pages of a PDF, for the search for a patient; limits are counts, not times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

#: Bytes of pages, fonts and forms that are parsed; pypdf takes a second for a million.
_MAX_COST: Final = 750_000
_MAX_OPERATIONS: Final = 60_000
_MAX_PAGES: Final = 100
_MAX_TEXT: Final = 400_000


class EnoughError(Exception):
    """There is more on a page than is searched."""


def page_text(reader: PdfReader, *, n_font_bytes: int, largest_form: int) -> str:
    """Return the words of the first pages, "" where there are none, as in a scanned one.

    Parameters
    ----------
    n_font_bytes
        Of all tables of letters: they are parsed for each page.
    largest_form
        Bytes of the largest form, which may be drawn many times.
    """
    meter = _Meter(largest_form)
    pages: list[str] = []
    for number, page in enumerate(reader.pages):
        if number == _MAX_PAGES or not meter.pays(_n_bytes(page) + n_font_bytes):
            break
        pages.append(page.extract_text(visitor_operand_before=meter.count))
        if sum(map(len, pages)) > _MAX_TEXT:
            break
    return "\n\n".join(pages)


def _n_bytes(page: PageObject) -> int:
    contents: Any = page.get("/Contents")
    contents = contents.get_object() if contents is not None else []
    parts = contents if isinstance(contents, list) else [contents]
    return sum(len(part.get_object().get_data()) for part in parts[:_MAX_PAGES])


class _Meter:
    """Counts what pages cost; the forms that they draw are counted when they are."""

    def __init__(self, largest_form: int) -> None:
        self._form = largest_form
        self._cost = self._n_operations = 0

    def pays(self, cost: int) -> bool:
        """Whether so many bytes more may be parsed."""
        self._cost += cost
        return self._cost <= _MAX_COST

    def count(self, operator: bytes, *_: object) -> None:
        """Count an operation of a page before it is done."""
        self._n_operations += 1
        drawn = self._form if operator == b"Do" else 0
        if self._n_operations > _MAX_OPERATIONS or not self.pays(drawn):
            raise EnoughError

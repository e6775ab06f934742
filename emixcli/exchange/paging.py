"""Reading lists of an exchange page by page, to an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlencode

from emixcli.exchange.bodies import Document, documents, not_understood, text


def iter_items(fetch: Callable[[str], Document], name: str) -> Iterator[Document]:
    """Yield the items of all pages.

    Parameters
    ----------
    fetch
        Returns the page behind a cursor; that of the first page is "".
    name
        The member of a page that holds its items.

    Raises
    ------
    ExchangeServerError
        A cursor comes again, or an empty page leads on: the list would never end.
    """
    cursor, seen = "", {""}
    while True:
        page = fetch(cursor)
        items = documents(page, name)
        yield from items
        cursor = text(page, "next_cursor", "")
        if page.get("next_cursor") is None:
            return
        if cursor in seen or not items:
            raise not_understood()
        seen.add(cursor)


def page_query(**fields: str | int) -> str:
    """Return the query of a page, with those fields that say something."""
    return "?" + urlencode({name: value for name, value in fields.items() if value})

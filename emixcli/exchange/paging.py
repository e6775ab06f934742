"""Reading lists of an exchange page by page, to an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlencode

from emixcli.errors import ExchangeServerError
from emixcli.exchange.bodies import Document, documents, not_understood, text

#: A hundred million rows of an audit trail, of which a page holds 1000; other lists are shorter.
PAGES_MAX: Final = 100_000


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
        A cursor comes again, an empty page leads on, or there are more pages than any exchange has:
        the list would never end.
    """
    cursor, seen = "", {""}
    for _ in range(PAGES_MAX):
        page = fetch(cursor)
        items = documents(page, name)
        yield from items
        cursor = text(page, "next_cursor", "")
        if page.get("next_cursor") is None:
            return
        if cursor in seen or not items:
            raise not_understood()
        seen.add(cursor)
    raise endless()


def endless() -> ExchangeServerError:
    """Return what is raised where pages go on after `PAGES_MAX` of them."""
    return ExchangeServerError(
        f"the list of the exchange does not end: {PAGES_MAX} pages were read",
        hint="check the address of the exchange, and tell who runs it",
    )


def page_query(**fields: str | int) -> str:
    """Return the query of a page, with those fields that say something."""
    return "?" + urlencode({name: value for name, value in fields.items() if value})

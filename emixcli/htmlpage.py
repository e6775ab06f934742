"""Pages that are handed on as files: one piece of HTML, no script, no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
body{color:#1c2733}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem;margin:1.2rem 0 .2rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d5dce3;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
code{font-size:.85em;overflow-wrap:anywhere}
.good{color:#0b6b3a}.bad{color:#b3261e;font-weight:600}
@media print{body{margin:0;max-width:none}h2,h3{break-after:avoid}}
"""
_DIGEST: Final = 64  # characters of a SHA-256 in hexadecimal


def page(title: str, parts: Iterable[str], *, style: str = "", has_pictures: bool = False) -> str:
    """Return a page.

    Parameters
    ----------
    title
        Of the page, and its first heading.
    parts
        Escaped HTML, each on a line of its own; empty ones are left out.
    style
        CSS beside that of all pages.
    has_pictures
        Whether there are any, as data in the page.
    """
    policy = f"{_POLICY}; img-src data:" if has_pictures else _POLICY
    head = (
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name=viewport content="width=device-width">',
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
    )
    return "\n".join(filter(None, (*head, *parts, "</body></html>\n")))


def listing(lines: Iterable[str]) -> str:
    """Return a list of plain texts."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, bad: int = -1) -> str:
    """Return a table of plain texts; numbers stand right, the column `bad` in red."""
    body = []
    is_number: set[int] = set()
    for row in rows:
        cells = []
        for column, value in enumerate(row):
            kind = " class=n" if isinstance(value, int) else " class=bad" if column == bad else ""
            is_number |= {column} if isinstance(value, int) else set()
            text = escape(str(value))
            is_code = isinstance(value, str) and len(value) == _DIGEST
            head = f' data-head="{escape(heads[column])}"'
            cells.append(f"<td{kind}{head}>{f'<code>{text}</code>' if is_code else text}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    top = "".join(
        f"<th scope=col{' class=n' if column in is_number else ''}>{escape(head)}</th>"
        for column, head in enumerate(heads)
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>"

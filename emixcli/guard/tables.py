"""What is known of mail addresses in general, read from `data/mail.tsv`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class MailTables:
    """Domains, endings, names and letters.

    Attributes
    ----------
    free
        Domains of which anybody gets an address.
    typos
        Domains that are a common slip, and what was meant.
    endings
        Last labels that do not exist, and what was meant.
    roles, lists
        Local parts of an office, and of everybody or nobody.
    letters
        Foreign letters and the Latin ones that they look like.
    """

    free: frozenset[str]
    typos: dict[str, str]
    endings: dict[str, str]
    roles: frozenset[str]
    lists: frozenset[str]
    letters: dict[str, str]


@cache
def mail_tables() -> MailTables:
    """The tables of this release."""
    text = files("emixcli.data").joinpath("mail.tsv").read_text(encoding="utf-8")
    rows: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            kind, values = line.split("\t")
            rows.setdefault(kind, []).extend(item.split("=") for item in values.split(" "))
    return MailTables(
        free=frozenset(item[0] for item in rows["free"]),
        typos={item[0]: item[1] for item in rows["typo"]},
        endings={item[0]: item[1] for item in rows["ending"]},
        roles=frozenset(item[0] for item in rows["role"]),
        lists=frozenset(item[0] for item in rows["list"]),
        letters={item[0]: item[1] for item in rows["letter"]},
    )

"""The address guard measured: slips that it stops, true new addresses that it stops wrongly.

    python -m tests.bench.guard [--write]

All names and domains are put together from syllables with a fixed seed. `--write` puts the
table into docs/reference/recipients.md.
"""

from __future__ import annotations

import contextlib
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert, select

from emixcli.guard.book import Book, KnownAddress
from emixcli.guard.check import Policy
from emixcli.guard.decision import decide
from emixcli.server.settings import Settings
from emixcli.server.tables import contacts
from emixcli.server.vault import SECRETS_NAME, create_vault
from tests.running import ROOT
from tests.serving import ServerThread
from tests.unit.server.api import Api, Person
from tests.unit.server.conftest import LIMITS, PASSWORD, add_people, quick_passwords

PAGE = ROOT / "docs" / "reference" / "recipients.md"
SIZES = (200, 2_000, 10_000)
N_DOMAINS = 50
N_TRIALS = 2_000
#: As many as the exchange judges at once.
_MOST = 100
_STARTS = [
    "b",
    "br",
    "c",
    "ch",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "pr",
    "r",
    "s",
    "sch",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "z",
]
_MIDDLES = ["a", "e", "i", "o", "u", "ei", "au", "ie"]
_ENDS = ["n", "r", "l", "s", "m", "t", "nd", "rt", "ll", "ck", "ng", "tz"]
_KEYS = "abcdefghijklmnopqrstuvwxyz0123456789.-_"
_PLACES = ("clinic", "hospital", "imaging", "health", "med", "radiology", "care", "")
_ENDINGS = ("org", "com", "net", "de", "fr", "co.uk", "edu", "ch")


@dataclass(frozen=True)
class Measured:
    """One row of the table; the numbers count trials."""

    n_contacts: int
    n_slips: int
    n_stopped: int
    n_other_contact: int
    n_new: int
    n_false: int

    @property
    def stopped(self) -> float:
        """Share of slips that were stopped, of those that are not themselves another contact."""
        return self.n_stopped / (self.n_slips - self.n_other_contact)

    @property
    def false(self) -> float:
        """Share of true new addresses that were stopped."""
        return self.n_false / self.n_new


class World:
    """People and domains by chance, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.domains = sorted({self._domain() for _ in range(N_DOMAINS * 2)})[:N_DOMAINS]

    def _word(self, n: int) -> str:
        syllables = (self._pick(_STARTS) + self._pick(_MIDDLES) for _ in range(n))
        return "".join(syllables) + self._pick(_ENDS)

    def _pick(self, choices: list[str] | tuple[str, ...]) -> str:
        return self.random.choice(choices)

    def _domain(self) -> str:
        kind, name = self._pick(_PLACES), self._word(self.random.choice((1, 2)))
        return f"{name}-{kind}.{self._pick(_ENDINGS)}".replace("-.", ".")

    def address(self, domain: str) -> str:
        """A person's address: first.last, flast or first_last."""
        first, last = self._word(1), self._word(self.random.choice((1, 2)))
        form = self._pick(("{0}.{1}", "{0}.{1}", "{2}{1}", "{0}_{1}"))
        return f"{form.format(first, last, first[0])}@{domain}"

    def new_address(self) -> str:
        """Four of five new people are at a known domain, the fifth at one never seen."""
        known = self.random.random() < 4 / 5
        return self.address(self._pick(self.domains) if known else self._domain())

    def slip(self, address: str) -> str:
        """One slip anywhere: a key more, less, another or twice, or two keys swapped."""
        place = self.random.randrange(len(address))
        before, key, after = address[:place], address[place], address[place + 1 :]
        other = self.random.choice(_KEYS)
        return self.random.choice(
            (
                before + other + key + after,
                before + after,
                before + other + after,
                before + key + key + after,
                before + after[:1] + key + after[1:],
            )
        )


def measure(
    n_contacts: int, *, n_trials: int = N_TRIALS, seed: int = 1, over_exchange: bool = False
) -> Measured:
    """The guard with a book of so many contacts, by itself or behind the API of an exchange."""
    world = World(seed)
    known: set[str] = set()
    while len(known) < n_contacts:
        known.add(world.address(world.random.choice(world.domains)))
    order = sorted(known)
    slips: list[str] = []
    while len(slips) < n_trials:
        contact = world.random.choice(order)
        typed = world.slip(contact)
        if typed != contact:
            slips.append(typed)
    true: list[str] = []
    while len(true) < n_trials:
        address = world.new_address()
        if address not in known:
            true.append(address)
    mistaken = [typed for typed in slips if typed not in known]
    with (_asking if over_exchange else _judging)(order) as judge:
        refused = [one == ("refuse", True) for one in judge(mistaken)]
        alarms = [one != ("ok", False) for one in judge(true)]
    n_other = len(slips) - len(mistaken)
    return Measured(n_contacts, len(slips), sum(refused), n_other, len(true), sum(alarms))


#: For addresses, each typed twice alike as copying does: the action, and whether a reason is given.
Judge = Callable[[list[str]], list[tuple[str, bool]]]


@contextlib.contextmanager
def _judging(addresses: list[str]) -> Iterator[Judge]:
    """The guard by itself."""
    book, policy = Book(KnownAddress(address) for address in addresses), Policy()

    def judge(typed: list[str]) -> list[tuple[str, bool]]:
        found = [decide(address, address, book, policy) for address in typed]
        return [(one.action, bool(one.reason)) for one in found]

    yield judge


@contextlib.contextmanager
def _asking(addresses: list[str]) -> Iterator[Judge]:
    """A running exchange, asked as a client asks before it uploads."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), listen="127.0.0.1:0", limits=LIMITS)
        create_vault(settings.data / SECRETS_NAME)
        add_people(settings)
        with (
            ServerThread(settings, passwords=quick_passwords(), with_worker=False) as server,
            Api(server.url) as api,
            api.login("ct@a.example", PASSWORD) as person,
        ):
            _fill(server, person, addresses)
            yield lambda typed: _ask(person, typed)


def _ask(person: Person, typed: list[str]) -> list[tuple[str, bool]]:
    found = []
    for start in range(0, len(typed), _MOST):
        some = typed[start : start + _MOST]
        pairs = [{"email": one, "confirm_email": one} for one in some]
        answer = person.ok("POST", "/v1/contacts:check", {"recipients": pairs})
        found += [(one["action"], bool(one["reason"])) for one in answer["recipients"]]
    return found


def _fill(server: ServerThread, person: Person, addresses: list[str]) -> None:
    """Put contacts into the table at once, as if each had been entered on purpose."""
    person.ok("POST", "/v1/contacts", {"email": addresses[0]})
    with server.exchange.write() as work:
        made = work.connection.execute(select(contacts)).one()._asdict()
        rows = [
            {**made, "address": address, "domain": address.rpartition("@")[2]}
            for address in addresses[1:]
        ]
        if rows:
            work.connection.execute(insert(contacts), rows)


def table() -> str:
    """The table of the documentation."""
    lines = [
        "| contacts | asked | slips stopped | slips to another contact | true new ones stopped |",
        "|--:|---|--:|--:|--:|",
    ]
    for size in SIZES:
        for over_exchange in (False, True):
            row = measure(size, over_exchange=over_exchange)
            lines.append(
                f"| {size:,} | {'the exchange' if over_exchange else 'the functions'} |"
                f" {row.stopped:.2%} | {row.n_other_contact} of {row.n_slips:,} | {row.false:.2%} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the table, and write it where that was asked for."""
    text = table()
    sys.stdout.write(text)
    if "--write" in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        new = re.sub(r"(?s)(<!-- measured -->\n).*?(<!-- end -->)", rf"\1{text}\2", page)
        PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()

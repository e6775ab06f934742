"""The address guard measured: slips that it stops, true new addresses that it stops wrongly.

    python -m tests.bench.guard [--write]

All names and domains are put together from syllables with a fixed seed. `--write` puts the
table into docs/reference/recipients.md.
"""

from __future__ import annotations

import random
import re
import sys
from dataclasses import dataclass

from emixcli.guard.book import Book, KnownAddress
from emixcli.guard.check import Level, check_address
from tests.running import ROOT

PAGE = ROOT / "docs" / "reference" / "recipients.md"
SIZES = (200, 2_000, 10_000)
N_DOMAINS = 50
N_TRIALS = 2_000
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
    n_blocked: int
    n_warned: int
    n_other_contact: int
    n_new: int
    n_false: int

    @property
    def stopped(self) -> float:
        """Share of slips that were stopped, of those that are not themselves another contact."""
        return (self.n_blocked + self.n_warned) / (self.n_slips - self.n_other_contact)

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


def measure(n_contacts: int, *, n_trials: int = N_TRIALS, seed: int = 1) -> Measured:
    """The guard with a book of so many contacts."""
    world = World(seed)
    contacts: set[str] = set()
    while len(contacts) < n_contacts:
        contacts.add(world.address(world.random.choice(world.domains)))
    order = sorted(contacts)
    book = Book(KnownAddress(address) for address in order)
    counts = dict.fromkeys(Level, 0)
    n_slips = n_other = n_new = n_false = 0
    while n_slips < n_trials:
        contact = world.random.choice(order)
        typed = world.slip(contact)
        if typed == contact:
            continue
        n_slips += 1
        if typed in contacts:
            n_other += 1
        else:
            counts[check_address(typed, book).level] += 1
    while n_new < n_trials:
        address = world.new_address()
        if address not in contacts:
            n_new += 1
            n_false += check_address(address, book).level is not Level.OK
    blocked, warned = counts[Level.BLOCK], counts[Level.WARN]
    return Measured(n_contacts, n_slips, blocked, warned, n_other, n_new, n_false)


def table() -> str:
    """The table of the documentation."""
    lines = [
        (
            "| contacts | slips stopped | of these blocked | warned | slips to another contact |"
            " true new addresses stopped |"
        ),
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for size in SIZES:
        row = measure(size)
        n_stopped = row.n_blocked + row.n_warned
        lines.append(
            f"| {size:,} | {row.stopped:.2%} | {row.n_blocked / n_stopped:.1%} |"
            f" {row.n_warned / n_stopped:.1%} | {row.n_other_contact} of {row.n_slips:,} |"
            f" {row.false:.2%} |"
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

"""The address book of an organisation, arranged for the guard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from emixcli.mailaddress import address_key


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """An address in the book.

    `is_trusted` says that its owner has proven it or that somebody entered it on purpose; an
    address that was only used is none, since it may have been a mistake.
    """

    address: str
    is_trusted: bool = True
    is_blocked: bool = False


class Book:
    """All addresses that an organisation knows, by their domains."""

    def __init__(self, known: Iterable[KnownAddress]) -> None:
        self.known = {address_key(one.address): one for one in known}
        self._locals: dict[str, set[str]] = {}
        for address, one in self.known.items():
            if not one.is_blocked:
                local, _, domain = address.rpartition("@")
                self._locals.setdefault(domain, set()).add(local)

    @cached_property
    def domains(self) -> frozenset[str]:
        """Domains of trusted addresses: a used one does not make its domain known."""
        trusted = (a for a, one in self.known.items() if one.is_trusted and not one.is_blocked)
        return frozenset(address.rpartition("@")[2] for address in trusted)

    def locals_at(self, domain: str) -> set[str]:
        """The parts before the @ that are known at a domain."""
        return self._locals.get(domain, set())

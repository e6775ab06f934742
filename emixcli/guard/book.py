"""The address book of an organisation, as the guard looks into it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

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


class AddressBook(Protocol):
    """Where the guard looks addresses up; all in the form of `address_key`."""

    def find(self, address: str) -> KnownAddress | None:
        """Return what is known of an address."""

    @property
    def domains(self) -> frozenset[str]:
        """Domains of trusted addresses: a used one does not make its domain known."""

    def locals_at(self, domain: str) -> frozenset[str]:
        """Return the parts before the @ of the trusted addresses at a domain."""


class Book:
    """A book in memory."""

    def __init__(self, known: Iterable[KnownAddress]) -> None:
        self._known = {address_key(one.address): one for one in known}

    @cached_property
    def _locals(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for address, one in self._known.items():
            if one.is_trusted and not one.is_blocked:
                local, _, domain = address.rpartition("@")
                found.setdefault(domain, set()).add(local)
        return {domain: frozenset(names) for domain, names in found.items()}

    def find(self, address: str) -> KnownAddress | None:
        """Return what is known of an address."""
        return self._known.get(address)

    @property
    def domains(self) -> frozenset[str]:
        """Domains of trusted addresses: a used one does not make its domain known."""
        return frozenset(self._locals)

    def locals_at(self, domain: str) -> frozenset[str]:
        """Return the parts before the @ of the trusted addresses at a domain."""
        return self._locals.get(domain, frozenset())

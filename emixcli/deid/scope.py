"""What the treatment of an element depends on, beside its own bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emixcli.deid.identity import Identity
    from emixcli.deid.iods import Types
    from emixcli.deid.keyed import Keyed
    from emixcli.deid.rules import Rules
    from emixcli.deid.text import TextCleaner

#: Sequences that describe content: what is in them is measured, said or drawn.
CONTENT: Final = frozenset({0x0040A730, 0x00400555, 0x0040B020, 0x00400610})
GRAPHICS: Final = frozenset({0x00700001})


class Patient(NamedTuple):
    """What stands for a patient, and by how much their dates move.

    Attributes
    ----------
    days
        0 where dates stay; None where they are removed.
    """

    pseudonym: str
    days: int | None
    keeps_dates: bool


class Context(NamedTuple):
    """What all elements of an object share. Equal objects make equal output.

    Attributes
    ----------
    mime_type
        Of an encapsulated document.
    """

    rules: Rules
    keyed: Keyed
    patient: Patient
    identity: Identity
    cleaner: TextCleaner
    types: Types
    charset: str
    mime_type: str = ""


class Scope(NamedTuple):
    """Where an element stands.

    Attributes
    ----------
    types
        Types of the attributes beside it.
    creators
        Private creator by group and block: `gggg00bb`.
    is_dummy
        Whether it lies in content that is replaced as a whole, so that text and numbers become
        dummies and only structure, codes and references stay.
    is_personal
        Whether it lies in a content item that says who somebody is.
    is_retained
        Whether it lies in a sequence that an option keeps: text and codes in it are not reduced to
        words of the standard.
    scheme
        Coding scheme of a coded concept.
    """

    explicit: bool
    charset: str
    types: Types
    creators: Mapping[int, str]
    depth: int = 0
    parent: int = 0
    is_dummy: bool = False
    is_personal: bool = False
    is_retained: bool = False
    scheme: str = ""

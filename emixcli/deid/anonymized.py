"""A de-identified object, and what was taken out of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from emixcli.deid.known import iter_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emixcli.deid.body import Body
    from emixcli.deid.split import Record


class Identifier(NamedTuple):
    """A value of the input that must not be in the output: for verification only.

    Attributes
    ----------
    tag
        Where it stood.
    vr
        Value representation, which says how it can be spelt: `PN`, `DA`, `UI`, `LO`…
    value
        Decoded text, one value. Never stored, never printed.
    """

    tag: int
    vr: str
    value: str


class Anonymized(NamedTuple):
    """A de-identified object.

    Attributes
    ----------
    head
        Preamble, file meta group and data set up to the pixel data's value.
    body
        What follows.
    sop_instance_uid, series_uid, study_uid
        The new ones, "" where the object has none.
    accepted
        Reason ids of risks that `Profile.accept_risk` let pass.
    records
        The old elements and what became of them.
    """

    head: bytes
    body: Body
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    accepted: tuple[str, ...] = ()
    records: Sequence[Record] = ()

    @property
    def size(self) -> int:
        """Bytes of head and body."""
        return len(self.head) + self.body.size

    @property
    def actions(self) -> Counter[tuple[int, str]]:
        """How often each action letter was taken on each tag, nested ones included."""
        found: dict[tuple[int, str], int] = {}  # a Counter calls a function for each new key
        for record in self.records:
            for action, n in record.actions.items():
                found[action] = found.get(action, 0) + n
        return Counter(found)

    def identifiers(self) -> Iterator[Identifier]:
        """Yield every value that was removed or replaced, nested ones included."""
        for record in self.records:
            changed = {tag for tag, letter in record.actions if letter != "K"}
            if not changed:
                continue
            for tag, vr, text in iter_texts(
                record.raw, record.element, record.charset, explicit=record.explicit
            ):
                if tag in changed:
                    for value in text.split("\\"):
                        if value.strip(" \0"):
                            yield Identifier(tag, vr, value.strip(" \0"))

    def close(self) -> None:
        """Free what cleaned pixel data holds on disk."""
        self.body.close()

    def iter_bytes(self, source: BinaryIO) -> Iterator[bytes | memoryview]:
        """Yield the object; `source` is the file that was given to `anonymize`."""
        yield self.head
        yield from self.body.read_from(source)

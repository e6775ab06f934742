"""A sealed request opens for its readers, and for nobody once a byte was changed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emixcli.container.identity import new_identity
from emixcli.container.sealed_request import MAX_SLOTS, open_sealed, read_header, seal
from emixcli.errors import EmixError, NoMatchingKeyError, PackageDamagedError, UsageError

ONE, TWO, STRANGER = new_identity(), new_identity(), new_identity()
DOCUMENT = {"v": 1, "patient": {"name": "CANARYSURNAME^é"}}
FORM = b"%PDF-1.7 CANARY"
SEALED = seal(DOCUMENT, FORM, to="Spítal", purpose="treatment", readers=[ONE.public, TWO.public])


@pytest.mark.parametrize("reader", [ONE, TWO])
def test_it_opens_for_each_reader(reader: object) -> None:
    assert open_sealed(SEALED, reader) == (DOCUMENT, FORM)  # type: ignore[arg-type]  # a stub
    assert b"CANARY" not in SEALED
    header = read_header(SEALED)
    assert (header.to, header.purpose) == ("Spítal", "treatment")
    assert header.document_size == 1024 + 16


def test_it_opens_for_nobody_else() -> None:
    with pytest.raises(NoMatchingKeyError):
        open_sealed(SEALED, STRANGER)


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
@settings(max_examples=300)
def test_any_changed_byte_is_noticed(at: int, flip: int) -> None:
    changed = bytearray(SEALED)
    changed[at] ^= flip
    try:
        opened = open_sealed(bytes(changed), ONE)
    except EmixError:
        return
    # Parts of the header that the exchange may change too: the reader compares them (open_request).
    assert opened == (DOCUMENT, FORM)
    assert at < SEALED.index(b"\n")


def test_document_and_form_of_two_requests_cannot_be_mixed() -> None:
    other = seal({"v": 1}, FORM, to="A", purpose="test", readers=[ONE.public])
    first, second = read_header(SEALED), read_header(other)
    form = other[second.length + second.document_size :]
    mixed = SEALED[: first.length + first.document_size] + form
    assert len(mixed) == len(SEALED)
    with pytest.raises(PackageDamagedError):
        open_sealed(mixed, ONE)
    line, _, rest = SEALED.partition(b"\n")
    head = json.loads(line) | {"slots": json.loads(other.partition(b"\n")[0])["slots"]}
    with pytest.raises(EmixError):
        open_sealed(json.dumps(head).encode() + b"\n" + rest, ONE)


def test_a_request_for_nobody_or_too_many() -> None:
    for readers in ([], [ONE.public] * (MAX_SLOTS + 1)):
        with pytest.raises(UsageError):
            seal(DOCUMENT, b"", to="A", purpose="test", readers=readers)


def test_too_much_is_said_to_be_too_much() -> None:
    with pytest.raises(UsageError):
        seal({"v": "x" * 70_000}, b"", to="A", purpose="test", readers=[ONE.public])

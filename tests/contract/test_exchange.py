"""What every exchange promises to the client: the protocols of `emixcli.exchange.interface`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from emixcli.errors import (
    AuthRequiredError,
    ForbiddenError,
    GoneError,
    NotFoundError,
    RecipientUnconfirmedError,
    ShareLockedError,
    UploadInterruptedError,
    UsageError,
)
from emixcli.exchange.interface import (
    Content,
    Exchange,
    Part,
    Seal,
    SealedPart,
    Share,
    ShareRequest,
)
from emixcli.guard.decision import Action, Decision
from emixcli.server.vault import new_id
from tests.contract.conftest import Place
from tests.unit.server.api import AUTH, WRONG, b64, make_slot, wait_for

PART = 1024
ADDRESS = "dr@c.example"


class Bytes:
    """A part in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def pieces(self) -> Iterator[memoryview]:
        yield memoryview(self._data)


def parts_of(content: bytes, digest: str) -> list[SealedPart]:
    found = []
    for number, at in enumerate(range(0, len(content), PART), 1):
        piece = content[at : at + PART]
        md5 = hashlib.md5(piece, usedforsecurity=False).hexdigest() if digest == "md5" else ""
        found.append(SealedPart(number, len(piece), md5, hashlib.sha256(piece).hexdigest()))
    return found


def send(exchange: Exchange, package_id: str, part: SealedPart, data: bytes) -> int:
    """The number of bytes that were reported."""
    gone: list[int] = []
    (signed,) = exchange.sign_parts(package_id, [part.signed])
    exchange.put_part(signed, Bytes(data), sent=gone.append)
    return sum(gone)


def seal_of(content: bytes, parts: list[SealedPart]) -> Seal:
    return Seal(len(content), hashlib.sha256(content).hexdigest(), parts, 100, 1024)


def upload(exchange: Exchange, content: bytes) -> str:
    package_id = new_id()
    announced = exchange.create_package(package_id, part_size=PART, size_bound=len(content))
    parts = parts_of(content, announced.part_digest)
    for part in parts:
        at = (part.number - 1) * PART
        assert send(exchange, package_id, part, content[at : at + PART]) == part.size
    exchange.seal(package_id, seal_of(content, parts))
    return package_id


def request(**changes: object) -> ShareRequest:
    made = ShareRequest(
        ADDRESS, ADDRESS, "treatment", 0, make_slot(), b64(AUTH), os.urandom(8).hex()
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # of a test


@pytest.fixture
def content() -> bytes:
    return os.urandom(5000)


@pytest.fixture
def package_id(place: Place, content: bytes) -> str:
    return upload(place.sender, content)


@pytest.fixture
def share(place: Place, package_id: str) -> Share:
    made = place.sender.create_share(package_id, request())
    # Before its mail has gone a link is not answered.
    wait_for(lambda: place.sender.share(made.share_id).state == "notified")
    return made


def read(exchange: Exchange, content: Content, start: int, stop: int) -> bytes:
    found = bytearray()
    exchange.read(content, start, stop, found.extend)
    return bytes(found)


def test_announcing_twice_is_announcing_once(place: Place) -> None:
    package_id = new_id()
    first = place.sender.create_package(package_id, part_size=PART, size_bound=5000)
    assert first.state == "draft"
    assert place.sender.create_package(package_id, part_size=PART, size_bound=5000) == first
    assert [one.package_id for one in place.sender.iter_packages()] == [package_id]
    assert list(place.stranger.iter_packages()) == []


@pytest.mark.parametrize("digest", ["md5", "sha256"])
def test_an_upload_goes_on_where_it_stopped(place: Place, content: bytes, digest: str) -> None:
    package_id = new_id()
    place.sender.create_package(package_id, part_size=PART, size_bound=len(content))
    parts = parts_of(content, digest)
    for part in parts[1:]:
        at = (part.number - 1) * PART
        send(place.sender, package_id, part, content[at : at + PART])
    assert place.sender.parts(package_id) == [part.signed for part in parts[1:]]
    with pytest.raises(UploadInterruptedError):
        place.sender.seal(package_id, seal_of(content, parts))
    send(place.sender, package_id, parts[0], content[:PART])
    sealed = place.sender.seal(package_id, seal_of(content, parts))
    assert (sealed.state, sealed.size) == ("sealed", len(content))
    assert place.sender.seal(package_id, seal_of(content, parts)) == sealed


def test_other_bytes_than_were_signed_are_refused(place: Place, content: bytes) -> None:
    package_id = new_id()
    announced = place.sender.create_package(package_id, part_size=PART, size_bound=len(content))
    part = parts_of(content, announced.part_digest)[0]
    with pytest.raises(UsageError):
        send(place.sender, package_id, part, bytes(PART))
    assert place.sender.parts(package_id) == []


@pytest.mark.parametrize(("start", "stop"), [(0, 5000), (0, 1), (1023, 1025), (4999, 5000)])
def test_any_range_is_read(
    place: Place, package_id: str, content: bytes, start: int, stop: int
) -> None:
    where = place.sender.content(package_id)
    assert where.size == len(content)
    assert read(place.sender, where, start, stop) == content[start:stop]


def test_what_belongs_to_others_does_not_exist(place: Place, package_id: str, share: Share) -> None:
    for call in (
        lambda: place.stranger.package(package_id),
        lambda: place.stranger.parts(package_id),
        lambda: place.stranger.sign_parts(package_id, [Part(1, 1, "0" * 32)]),
        lambda: place.stranger.delete_package(package_id),
        lambda: place.stranger.create_share(package_id, request()),
        lambda: place.stranger.share(share.share_id),
        lambda: place.stranger.act_on_share(share.share_id, "revoke"),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert (
        place.sender.share(share.share_id).state == place.sender.package(package_id).shares[0].state
    )


def test_a_share_is_made_once_for_each_key(place: Place, package_id: str) -> None:
    wanted = request()
    first = place.sender.create_share(package_id, wanted)
    assert place.sender.create_share(package_id, wanted).share_id == first.share_id
    assert len(place.sender.package(package_id).shares) == 1
    assert (first.recipient, first.purpose) == (ADDRESS, "treatment")


def test_a_new_address_must_be_confirmed(place: Place, package_id: str) -> None:
    assert place.sender.judge([(ADDRESS, ADDRESS), (ADDRESS, "")]) == [
        Decision(Action.OK),
        Decision(
            Action.CONFIRM,
            "address.new",
            "this recipient is new here, and the address was not confirmed",
            "type the address a second time (--confirm-to ADDR)",
        ),
    ]
    with pytest.raises(RecipientUnconfirmedError):
        place.sender.create_share(package_id, request(confirm_email=""))
    place.sender.create_share(package_id, request(hold_s=600))
    assert place.sender.judge([(ADDRESS, "")])[0].action is Action.CONFIRM


def test_recall_is_for_the_hold_and_revoke_for_ever(place: Place, package_id: str) -> None:
    held = place.sender.create_share(package_id, request(hold_s=600))
    assert held.state == "held"
    assert place.sender.act_on_share(held.share_id, "recall").state == "recalled"
    assert place.sender.package(package_id).state == "sealed"
    other = place.sender.create_share(package_id, request(hold_s=600))
    assert place.sender.package(package_id).state == "shared"
    assert place.sender.act_on_share(other.share_id, "revoke").state == "revoked"
    with pytest.raises(GoneError):
        place.sender.act_on_share(other.share_id, "recall")
    with pytest.raises(GoneError):
        place.sender.act_on_share(other.share_id, "resend")


def test_the_recipient_opens_and_reads(place: Place, share: Share, content: bytes) -> None:
    room = place.mailroom(share.link)
    mailbox = room.verify_code(place.mail_code(share.link))
    assert (mailbox.size, mailbox.expires) == (len(content), share.expires)
    with pytest.raises(ForbiddenError):
        room.open(mailbox.session, b64(WRONG))
    opened = room.open(mailbox.session, b64(AUTH))
    assert opened.slot == make_slot()
    found = bytearray()
    room.read(opened, 0, opened.size, found.extend)
    assert bytes(found) == content
    assert place.sender.judge([(ADDRESS, "")]) == [Decision(Action.OK)]


def test_wrong_access_codes_lock(place: Place, share: Share) -> None:
    room = place.mailroom(share.link)
    session = room.verify_code(place.mail_code(share.link)).session
    for _ in range(4):
        with pytest.raises(ForbiddenError):
            room.open(session, b64(WRONG))
    for proof in (WRONG, AUTH):
        with pytest.raises(ShareLockedError):
            room.open(session, b64(proof))


def test_a_revoked_share_gives_nothing(place: Place, package_id: str, share: Share) -> None:
    room = place.mailroom(share.link)
    session = room.verify_code(place.mail_code(share.link)).session
    opened = room.open(session, b64(AUTH))
    place.sender.act_on_share(share.share_id, "revoke")
    with pytest.raises(AuthRequiredError):
        room.read(opened, 0, 10, lambda _piece: None)
    with pytest.raises(GoneError):
        room.open(session, b64(AUTH))
    place.sender.delete_package(package_id)
    place.sender.delete_package(package_id)
    assert place.sender.package(package_id).state in {"revoked", "purged"}
    with pytest.raises(GoneError):
        place.sender.parts(package_id)

"""Byte ranges (RFC 9110 section 14), alone and over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emixcli.server.api.ranges import ByteRange, UnsatisfiableError, parse_range
from tests.serving import ServerThread
from tests.unit.server.api import Person, Recipient, make_content, make_slot, wait_for

ETAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=0-99", ByteRange(0, 100)),
        ("bytes=0-100", ByteRange(0, 100)),
        ("bytes=50-", ByteRange(50, 50)),
        ("bytes=99-", ByteRange(99, 1)),
        ("bytes=-1", ByteRange(99, 1)),
        ("bytes=-500", ByteRange(0, 100)),
        ("BYTES=1-2", ByteRange(1, 2)),
        (None, None),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=0-1,2-3", None),
        ("bytes=" + ",".join(["0-1"] * 10_000), None),
        ("lines=1-2", None),
        ("bytes=٠-١", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)
def test_one_range_or_the_whole(header: str | None, expected: ByteRange | None) -> None:
    assert parse_range(header, None, etag=ETAG, size=100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_nothing_to_send(header: str) -> None:
    with pytest.raises(UnsatisfiableError):
        parse_range(header, None, etag=ETAG, size=100)


def test_if_range_of_another_version_gives_the_whole() -> None:
    assert parse_range("bytes=0-0", '"other"', etag=ETAG, size=100) is None
    assert parse_range("bytes=0-0", ETAG, etag=ETAG, size=100) == ByteRange(0, 1)
    date = "Tue, 24 Nov 2026 04:00:00 GMT"
    assert parse_range("bytes=0-0", date, etag=ETAG, size=100) is None


@given(st.text(max_size=40), st.integers(1, 10**12))
def test_any_header_gives_a_range_inside(text: str, size: int) -> None:
    for header in (text, f"bytes={text}"):
        try:
            found = parse_range(header, None, etag=ETAG, size=size)
        except UnsatisfiableError:
            continue
        if found is not None:
            assert 0 <= found.start < found.start + found.length <= size


def test_ranges_of_a_package(sender: Person) -> None:
    content = make_content(5000)
    path = f"/v1/packages/{sender.upload(content)}/content"
    whole = sender.get(path)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert whole.headers["Content-Type"] == "application/octet-stream"
    assert whole.headers["Content-Disposition"].startswith("attachment;")
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    etag = whole.headers["ETag"]
    for start, end in ((0, 1), (1000, 1030), (1023, 1025), (0, 5000), (4999, 5000), (500, 4500)):
        got = sender.get(path, headers={"Range": f"bytes={start}-{end - 1}", "If-Range": etag})
        assert (got.status_code, got.content) == (206, content[start:end])
        assert got.headers["Content-Range"] == f"bytes {start}-{end - 1}/5000"
        assert got.headers["Content-Length"] == str(end - start)
    beyond = sender.get(path, headers={"Range": "bytes=5000-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, "bytes */5000")
    several = sender.get(path, headers={"Range": "bytes=0-1,4-5"})
    assert (several.status_code, several.content) == (200, content)
    head = sender.call("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == "5000"
    assert sender.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_the_copy_holds_the_slot_of_its_share_wherever_it_is_cut(
    server: ServerThread, sender: Person
) -> None:
    content = make_content(5000)
    package_id = sender.upload(content)
    share = sender.share(package_id)
    wait_for(lambda: sender.ok("GET", f"/v1/shares/{share['share_id']}")["mail"] == "sent")
    recipient = Recipient(server.url, share["link"], server.exchange.settings.data)
    opened: Any = recipient.open(recipient.verify()["session"]).json()
    whole = recipient.get(opened["copy"]["url"]).content
    assert len(whole) == len(content)
    assert whole[100:1124].rstrip().startswith(b'{"v":1,"slots":[{"k')
    assert make_slot()["nonce"].encode() in whole[100:1124]
    for start in (0, 99, 100, 101, 600, 1123, 1124, 3000):
        for length in (1, 30, 1500):
            span = f"bytes={start}-{start + length - 1}"
            piece = recipient.get(opened["copy"]["url"], headers={"Range": span})
            assert piece.content == whole[start : start + length]
    assert "slot" not in recipient.get(opened["copy"]["url"]).headers["Content-Disposition"]

from __future__ import annotations

import pytest

from emixcli.errors import EmixError, ExchangeServerError, ExchangeTlsError, UsageError
from emixcli.exchange.address import parse_link, resolve
from emixcli.exchange.retry import Patience, persist
from emixcli.urls import check_url


@pytest.mark.parametrize(
    "url", ["https://a.example", "http://127.0.0.1:1/", "http://localhost", "http://[::1]:80"]
)
def test_safe_addresses(url: str) -> None:
    assert check_url(url) == url.rstrip("/")


@pytest.mark.parametrize("url", ["http://a.example", "http://127.0.0.1.example", "http://10.0.0.1"])
def test_plain_http_stays_on_this_machine(url: str) -> None:
    with pytest.raises(ExchangeTlsError):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["", "a.example", "ftp://a", "https://", "https://u:p@a", "https://a?x", "https://[", "https://a:b"]
)  # fmt: skip
def test_malformed_addresses(url: str) -> None:
    with pytest.raises(UsageError):
        check_url(url)


def test_an_exchange_cannot_send_us_to_plain_http() -> None:
    assert resolve("https://a.example", "/store/1") == "https://a.example/store/1"
    assert resolve("https://a.example", "https://s3.example/x") == "https://s3.example/x"
    for url in ("http://s3.example/x", "file:///etc/passwd", "//s3.example:80/x\0"):
        if url.startswith("//"):
            continue
        with pytest.raises(ExchangeTlsError):
            resolve("https://a.example", url)


def test_links() -> None:
    link = parse_link(" https://a.example/r/abc-DEF_9 \n")
    assert (link.base, link.token) == ("https://a.example", "abc-DEF_9")


@pytest.mark.parametrize(
    "text", ["https://a.example", "https://a.example/r/", "https://a.example/r/a/b", "https://a/r/%2e"]
)  # fmt: skip
def test_other_links(text: str) -> None:
    with pytest.raises(UsageError):
        parse_link(text)


def test_patience_ends_and_waits_longer_each_time() -> None:
    waits: list[float] = []

    def fail() -> None:
        raise ExchangeServerError("busy")

    with pytest.raises(ExchangeServerError):
        persist(fail, Patience(tries=5, base_s=1, cap_s=4), sleep=waits.append)
    assert len(waits) == 4
    assert all(most / 2 <= wait <= most for most, wait in zip((1, 2, 4, 4), waits, strict=True))


def test_what_a_new_try_cannot_mend_is_not_tried_again() -> None:
    tries = []

    def fail() -> None:
        tries.append(1)
        raise ExchangeTlsError("untrusted")

    with pytest.raises(EmixError):
        persist(fail, Patience(), sleep=lambda _s: None)
    assert len(tries) == 1

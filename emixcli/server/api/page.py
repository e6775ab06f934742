"""The exchange's two pages, for recipients and for requests: static files of the viewer's build."""

from __future__ import annotations

from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path

from starlette.responses import HTMLResponse, Response

import emixcli

_FALLBACK_POLICY = "default-src 'none'"
_NOT_BUILT = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Not available</title>
<p>This page is not installed on this exchange.
<p>For its operator: build the viewer (<code>python3 dev.py build</code>) and start again.
"""


class _PolicyFinder(HTMLParser):
    policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        name = (values.get("http-equiv") or "").lower()
        if tag == "meta" and name == "content-security-policy" and not self.policy:
            self.policy = (values.get("content") or "").strip().rstrip(";")


def recipient_page(path: str = "") -> Response:
    """The recipient's page with its policy as header, or 503 where the viewer was not built."""
    return _page(path, "recipient.html")


def request_page(path: str = "") -> Response:
    """The page to ask for images; as `recipient_page`."""
    return _page(path, "request.html")


def _page(path: str, name: str) -> Response:
    file = Path(path) if path else Path(emixcli.__file__).parent / "viewer" / name
    try:
        status = file.stat()
        content, policy = _load(file, status.st_mtime_ns)
    except OSError:
        headers = {"Content-Security-Policy": f"{_FALLBACK_POLICY}; frame-ancestors 'none'"}
        return HTMLResponse(_NOT_BUILT, status_code=503, headers=headers)
    headers = {"Content-Security-Policy": f"{policy}; frame-ancestors 'none'"}
    return HTMLResponse(content, headers=headers)


@lru_cache(maxsize=2)
def _load(file: Path, _mtime_ns: int) -> tuple[bytes, str]:
    content = file.read_bytes()
    finder = _PolicyFinder()
    finder.feed(content[: 1 << 16].decode("latin-1"))
    return content, finder.policy or _FALLBACK_POLICY

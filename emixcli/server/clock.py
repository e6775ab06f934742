"""Time as the exchange keeps it: whole milliseconds of UTC since 1970."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

#: Returns the present in milliseconds since 1970, UTC. Tests pass their own.
Clock = Callable[[], int]

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def system_clock() -> int:
    """Milliseconds since 1970 by the machine's clock."""
    return time.time_ns() // 1_000_000


def iso_time(moment_ms: int | None) -> str | None:
    """`2026-11-24T04:05:06Z` for a stored time; None stays None (RFC 3339)."""
    if moment_ms is None:
        return None
    moment = datetime.fromtimestamp(moment_ms // SECOND_MS, tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

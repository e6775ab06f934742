"""How fast a batch may go: so many sends a minute, and pauses that the exchange asks for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from emixcli.errors import (
    EmixError,
    ExchangeError,
    ExchangeServerError,
    ExchangeTimeoutError,
    QuotaError,
    UploadInterruptedError,
)
from emixcli.exchange.retry import TryAgainError

#: Quotas are by the hour: this is how long a row waits for one in all.
_QUOTA_MAX_S = 2 * 3600.0
_FIRST_S, _LONGEST_S = 2.0, 60.0


class Pace:
    """When the next send may begin; shared by all that send.

    Parameters
    ----------
    per_minute
        Sends begun in a minute, None for any number.
    wait_s
        How long a row waits in all for an exchange that does not answer.
    clock, sleep
        Seconds, and what waits for some of them.
    """

    def __init__(
        self,
        per_minute: int | None = None,
        *,
        wait_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._between_s = 60.0 / per_minute if per_minute else 0.0
        self._wait_s = wait_s
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = 0.0

    def begin(self) -> None:
        """Wait until a send may begin."""
        while True:
            with self._lock:
                now = self._clock()
                if now >= self._next:
                    self._next = now + self._between_s
                    return
                left = self._next - now
            self._sleep(left)

    def hold(self, seconds: float) -> None:
        """Let nobody begin before so many seconds are over."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)

    def wait_for(self, error: EmixError, waited_s: float) -> float | None:
        """Return after how many seconds a send that failed is tried again, None for never.

        Parameters
        ----------
        error
            Why it failed.
        waited_s
            How long it has waited so far.
        """
        if isinstance(error, QuotaError):
            if error.after_s is None or waited_s >= _QUOTA_MAX_S:
                return None
            return max(error.after_s, 1.0)
        if not _is_passing(error) or waited_s >= self._wait_s:
            return None
        asked = error.after_s if isinstance(error, TryAgainError) else 0.0
        # Twice as long each time: 2 s, then as long as it has waited.
        return max(asked, min(_LONGEST_S, max(_FIRST_S, waited_s), self._wait_s))


def _is_passing(error: EmixError) -> bool:
    kinds = {
        ExchangeError,
        ExchangeTimeoutError,
        ExchangeServerError,
        TryAgainError,
        UploadInterruptedError,
    }
    return type(error) in kinds

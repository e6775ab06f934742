"""How long the client goes on when an exchange does not answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from emixcli.errors import (
    EmixError,
    ExchangeError,
    ExchangeServerError,
    ExchangeTimeoutError,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Tries with exponential back-off and full jitter, so that many clients do not come at once.

    The wait before try n is between half of and the whole of `base_s` * 2**n, at most `cap_s`.
    """

    tries: int = 4
    base_s: float = 0.25
    cap_s: float = 10.0

    def wait_s(self, n: int) -> float:
        """Return the wait after failed try `n`, counted from 0."""
        most = min(self.cap_s, self.base_s * 2.0 ** min(n, 30))
        return most * (0.5 + secrets.randbelow(1000) / 2000)


#: For a question that a person waits for.
QUICK = Patience()
#: For moving parts: a restart of the exchange or a change of network is waited out (about 90 s).
STEADY = Patience(tries=14)


class TryAgainError(ExchangeServerError):
    """The exchange asked to come back (HTTP 429 or 503 with Retry-After)."""

    def __init__(self, message: str, *, hint: str = "", after_s: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.after_s = after_s


def is_transient(error: EmixError) -> bool:
    """Tell whether the same request may well succeed a moment later."""
    # The exact classes: their subclasses (no such package, forbidden, bad certificate) are final.
    return type(error) in {
        ExchangeError,
        ExchangeTimeoutError,
        ExchangeServerError,
        TryAgainError,
    }


def persist(
    work: Callable[[], T],
    patience: Patience,
    *,
    sleep: Callable[[float], object] = time.sleep,
) -> T:
    """Return what `work` returns, trying again after transient errors.

    Raises
    ------
    EmixError
        The last error, or at once one that a further try cannot mend.
    """
    for n in range(patience.tries):
        try:
            return work()
        except EmixError as error:
            if n + 1 >= patience.tries or not is_transient(error):
                raise
            asked = error.after_s if isinstance(error, TryAgainError) else 0.0
            sleep(max(patience.wait_s(n), min(asked, 30.0)))
    raise AssertionError("unreachable")  # pragma: no cover

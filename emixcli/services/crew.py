"""Several threads that work through one list."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

J = TypeVar("J")
R = TypeVar("R")


class Crew(Generic[J, R]):
    """Does jobs in their order, some at a time.

    The threads end with the process: whoever waits for results may be interrupted, and what is
    under way must bear being cut off at any moment.

    Parameters
    ----------
    jobs
        What is to be done.
    work
        Does one, in a thread of the crew; in the caller's where there is only one at a time.
    n
        How many at a time.
    """

    def __init__(self, jobs: Sequence[J], work: Callable[[J], R], n: int) -> None:
        self._jobs = iter(jobs)
        self._work = work
        self._n = min(n, len(jobs))
        self._lock = threading.Lock()
        self._stopped = False
        self._done: queue.SimpleQueue[R | BaseException | None] = queue.SimpleQueue()

    def stop(self) -> None:
        """Begin nothing more; what is under way comes to its end."""
        with self._lock:
            self._stopped = True

    def results(self) -> Iterator[R]:
        """Yield what the jobs gave, as they end.

        Raises
        ------
        BaseException
            What `work` raised.
        """
        if self._n <= 1:
            while (job := self._next()) is not None:
                yield self._work(job[0])
            return
        for number in range(self._n):
            threading.Thread(target=self._run, name=f"send-{number}", daemon=True).start()
        ended = 0
        while ended < self._n:
            found = self._done.get()
            if found is None:
                ended += 1
            elif isinstance(found, BaseException):
                raise found
            else:
                yield found

    def _next(self) -> tuple[J] | None:
        with self._lock:
            if self._stopped:
                return None
            for job in self._jobs:
                return (job,)
            return None

    def _run(self) -> None:
        try:
            while (job := self._next()) is not None:
                self._done.put(self._work(job[0]))
        except BaseException as exc:  # noqa: BLE001 - raised again where results are taken
            self._done.put(exc)
        self._done.put(None)

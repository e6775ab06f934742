"""A running exchange in the tests' own process."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from emixcli.server.accounts import Passwords
from emixcli.server.app import make_site, open_exchange
from emixcli.server.clock import Clock, system_clock
from emixcli.server.run import listen, make_server, new_runner
from emixcli.server.settings import Settings


class ServerThread:
    """A real exchange on loopback in a thread of this process.

    `with ServerThread(settings) as server: … server.url`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = system_clock,
        passwords: Passwords | None = None,
        with_worker: bool = True,
    ) -> None:
        self._listener = listen(settings)
        self.url = self._listener.base_url
        self.exchange = open_exchange(settings, clock)
        self.site = make_site(self.exchange, self.url, passwords)
        self._server = make_server(self.site, settings, with_worker=with_worker)
        self._thread = threading.Thread(target=self._run, name="exchange", daemon=True)

    def _run(self) -> None:
        with new_runner() as runner:
            runner.run(self._server.serve(sockets=[self._listener.socket]))

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            self._thread.join(0.005)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.socket.close()
        self.exchange.database.close()

"""A real SMTP server on loopback that answers as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from emixcli.server.settings import MailSettings


class Mailbox:
    """Answers with `answers` in turn, then takes everything."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.taken: list[Envelope] = []
        self.answers: list[str] = []
        self.stage = "RCPT"
        self.n_asked = 0

    @property
    def settings(self) -> MailSettings:
        """Settings of an exchange that sends by it."""
        return MailSettings(
            sender="exchange@a.example", host="127.0.0.1", port=self.port, tls="none", timeout_s=1
        )

    def _answer(self, stage: str) -> str | None:
        if stage != self.stage or not self.answers:
            return None
        self.n_asked += 1
        return self.answers.pop(0)

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        refused = self._answer("RCPT")
        if refused:
            return refused
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the name aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        refused = self._answer("DATA")
        if refused == "hang":
            await asyncio.sleep(3)
            return "451 too late"
        if refused:
            return refused
        self.taken.append(envelope)
        return "250 OK"


@contextlib.contextmanager
def serving() -> Iterator[Mailbox]:
    """Run one until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    box = Mailbox(port)
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()

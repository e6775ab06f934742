"""Syslog over TLS (RFC 5424 messages, RFC 5425 frames), as PS3.15 section A.6 asks for."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from emixcli.errors import SyslogError, UsageError

PORT = 6514
#: Facility 10 (security), severity 5 (notice) or 4 (warning): PS3.15 section A.6.
_NOTICE, _WARNING = 10 * 8 + 5, 10 * 8 + 4
_TIMEOUT_S, _REFUSAL_S = 30.0, 1.0


@dataclass(frozen=True, slots=True)
class SyslogTarget:
    """Where messages go; `certificate` holds certificate and key of one's own, both as PEM."""

    host: str
    port: int = PORT
    ca_file: Path | None = None
    certificate: Path | None = None


def parse_target(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, `[::1]:6514` or `HOST`.

    Raises
    ------
    UsageError
    """
    host, mark, port = text.rpartition(":")
    if not mark or text.endswith("]"):
        host, port = text, str(PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError("the syslog server is not HOST:PORT", hint=f"such as log.example:{PORT}")
    return host, int(port)


class SyslogSender:
    """A connection to a syslog server whose certificate was checked."""

    def __init__(self, target: SyslogTarget) -> None:
        context = _context(target)
        try:
            self._socket = _connected(target, context)
        except ssl.SSLCertVerificationError as exc:
            raise SyslogError(
                "the certificate of the syslog server is not trusted",
                hint="give its authority: --syslog-ca FILE",
            ) from exc
        except (OSError, UnicodeError) as exc:  # the latter for what is no name of a host
            raise SyslogError(
                "the syslog server cannot be reached by TLS, or does not take our certificate",
                hint="check --syslog HOST:PORT and --syslog-cert FILE",
            ) from exc
        self._host = socket.gethostname() or "-"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._socket.close()

    def send(self, message: bytes, *, at: str, failed: bool = False) -> None:
        """Send one message: `LENGTH SP <PRI>1 TIME HOST APP PROCID MSGID - BOM MESSAGE`.

        Parameters
        ----------
        message
            UTF-8.
        at
            RFC 3339 with at most six digits of a second (RFC 5424 section 6.2.3).
        failed
            Whether it tells of a failure.
        """
        head = f"<{_WARNING if failed else _NOTICE}>1 {at} {_word(self._host)} emix {os.getpid()} "
        line = head.encode("ascii") + b"DICOM+RFC3881 - \xef\xbb\xbf" + message
        try:
            self._socket.sendall(b"%d " % len(line) + line)
        except OSError as exc:
            raise _cut() from exc

    def _finish(self) -> None:
        """Wait until the server has closed as well: nothing is left in a buffer that was lost."""
        try:
            self._socket.unwrap()
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            # A server that closes without saying so has read to the end.
            return
        except OSError as exc:
            raise _cut() from exc


def _connected(target: SyslogTarget, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Return a connection that the server has not refused; raises OSError."""
    plain = socket.create_connection((target.host, target.port), timeout=_TIMEOUT_S)
    with contextlib.ExitStack() as stack:
        stack.enter_context(plain)
        made = context.wrap_socket(plain, server_hostname=target.host)
        stack.enter_context(made)
        _await_refusal(made)
        stack.pop_all()
    return made


def _await_refusal(connection: ssl.SSLSocket) -> None:
    """Give the server time to refuse: with TLS 1.3 our side is ready before it has decided.

    A syslog server says nothing else, so that silence is consent.

    Raises
    ------
    OSError
        It has closed the connection, or does not take our certificate.
    """
    connection.settimeout(_REFUSAL_S)
    try:
        said = connection.recv(1)
    except TimeoutError:
        connection.settimeout(_TIMEOUT_S)
        return
    if not said:
        raise ConnectionResetError


def _cut() -> SyslogError:
    return SyslogError(
        "the syslog server closed the connection; some messages may be lost",
        hint="export again from the last number that it has: --after N",
    )


def _word(text: str) -> str:
    kept = "".join(c for c in text if "!" <= c <= "~")[:255]
    return kept or "-"


def _context(target: SyslogTarget) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(
            cafile=None if target.ca_file is None else str(target.ca_file)
        )
        if target.certificate is not None:
            context.load_cert_chain(str(target.certificate))
    except (OSError, ssl.SSLError) as exc:
        raise UsageError(
            "a certificate for the syslog server cannot be read",
            hint="PEM files: --syslog-ca the authority, --syslog-cert own certificate and key",
        ) from exc
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context

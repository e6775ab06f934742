"""Taking audit rows elsewhere: to a file, or to a syslog server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from emixcli.container.sink import FileSink
from emixcli.services.auditmessages import is_failure, message_of
from emixcli.services.syslog import SyslogSender, SyslogTarget

if TYPE_CHECKING:
    from pathlib import Path

    from emixcli.services.audit import Entry

FORMATS = ("jsonl", "dicom")


class Counted:
    """Entries, and once they were read how many there were and the number of the last."""

    def __init__(self, entries: Iterable[Entry], after: int) -> None:
        self._entries = entries
        self.n, self.last = 0, after

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._entries:
            yield entry
            self.n, self.last = self.n + 1, entry.row.seq


def iter_lines(entries: Iterable[Entry], form: str, url: str) -> Iterator[str]:
    """Yield each entry as one line of text in one of `FORMATS`."""
    source_id = _source_id(url)
    for entry in entries:
        if form == "dicom":
            yield message_of(entry, source_id).decode()
        else:
            yield json.dumps(entry.as_json())


def write_lines(lines: Iterable[str], path: Path) -> None:
    """Write an export that only its owner may read.

    Raises
    ------
    OutputExistsError, OutputError
    """
    with FileSink(path, mode=0o600) as sink:
        for line in lines:
            sink.write(line.encode() + b"\n")


def send_syslog(entries: Iterable[Entry], target: SyslogTarget, url: str) -> None:
    """Send each entry as a DICOM audit message.

    Raises
    ------
    SyslogError
        The server cannot be reached, is not trusted, or cut the connection.
    """
    source_id = _source_id(url)
    with SyslogSender(target) as sender:
        for entry in entries:
            sender.send(message_of(entry, source_id), at=entry.at, failed=is_failure(entry))


def _source_id(url: str) -> str:
    return urlsplit(url).hostname or "exchange"

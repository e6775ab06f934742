"""A medium with bad sectors, without hardware: for what a scratched disc does to a reader."""

from __future__ import annotations

import errno
from collections.abc import Iterable

from emixcli.media.disc.ranges import Ranges

#: What drivers and user-space file systems give for the same scratch.
ERRORS = (errno.EIO, errno.EPERM, errno.ENODATA)


class FaultyBytes:
    """Bytes of which some ranges give an error; whoever reads over one gets nothing.

    Attributes
    ----------
    log
        Start and length of every read, in order.
    """

    is_random = True

    def __init__(self, data: bytes, bad: Iterable[tuple[int, int]] = ()) -> None:
        self._data = data
        self.faults = Ranges(bad)
        self.log: list[tuple[int, int]] = []
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        self.log.append((offset, length))
        if self.faults.first(offset, offset + length):
            raise OSError(ERRORS[len(self.log) % len(ERRORS)], "scratched")
        return self._data[offset : offset + length]

    def close(self) -> None:
        pass

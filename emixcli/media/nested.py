"""Archives on a medium: they are not opened, but it is said where one holds images."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from emixcli.errors import EmixError

if TYPE_CHECKING:
    from emixcli.media.sources import Bytes, Source

_ZIP: Final = b"PK\x03\x04"
_SECTOR: Final = 2048
#: Volume descriptors, and what names UDF (ECMA-119 section 8.1, ECMA-167 section 2/9.1).
_FIRST: Final = 16
_N_MARKS: Final = 16
_MARKS: Final = frozenset({b"CD001", b"BEA01", b"NSR02", b"NSR03"})
#: Members that are looked at: of a viewer's archive, none is DICOM.
_MAX_MEMBERS: Final = 64


def holds_dicom(content: Bytes, head: bytes) -> bool:
    """Whether a file is a ZIP file or disc image with a DICOM object among its first members.

    Parameters
    ----------
    content
        The file; it may be closed then.
    head
        Its first bytes.

    Raises
    ------
    OSError
        Where it cannot be read.
    """
    if not is_archive(content, head) or not content.is_random:
        return False
    from emixcli.media.sources.contents import archive_in

    try:
        source = archive_in(content, head, search=False)
    except EmixError:
        return False  # damaged or encrypted: nothing can be said
    if source is None:
        return False
    try:
        return _has_dicom(source)
    finally:
        source.close()


def is_archive(content: Bytes, head: bytes) -> bool:
    """Whether a file looks like a ZIP file or a disc image; the latter begins with zeros.

    An image may be cut, and its first descriptor may be damaged.
    """
    if head.startswith(_ZIP):
        return True
    marks = content.read_at(_FIRST * _SECTOR, _N_MARKS * _SECTOR) if content.is_random else b""
    return any(marks[at : at + 5] in _MARKS for at in range(1, len(marks), _SECTOR))


def _has_dicom(source: Source) -> bool:
    for file in itertools.islice(source.iter_files(), _MAX_MEMBERS):
        try:
            content = source.open_bytes(file.path)
            try:
                if content.read_at(0, 132)[128:] == b"DICM":
                    return True
            finally:
                content.close()
        except OSError:
            continue
    return False

"""De-identified objects as files: every piece is there, whatever the pieces are."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from emixcli.anonymize import Anonymized
from emixcli.deid.body import Body, Piece
from emixcli.services.object_file import ObjectWriter

SOURCE = bytes(range(256)) * 8192  # 2 MiB, more than the buffer
_BUFFER = 1024 * 1024


@pytest.mark.parametrize("head", [b"", b"head", bytes(_BUFFER - 1), b"h" * _BUFFER])
@pytest.mark.parametrize(
    "parts",
    [
        (), ((0, 0),), ((7, 0), b"made", (9, 0)), ((1, 5), (3, 0)), ((0, len(SOURCE)),),
        (b"made", (5, _BUFFER), memoryview(b"more"), b"", (1, 1)),
    ],
)  # fmt: skip
def test_a_file_has_all_pieces_in_order(
    tmp_path: Path, head: bytes, parts: tuple[Piece, ...]
) -> None:
    made = Anonymized(head, Body(parts), "", "", "", "")
    path = tmp_path / "series" / "1.dcm"
    ObjectWriter().write(made, io.BytesIO(SOURCE), str(path))
    whole = b"".join(
        SOURCE[part[0] : sum(part)] if isinstance(part, tuple) else bytes(part) for part in parts
    )
    assert path.read_bytes() == head + whole


def test_a_source_that_became_shorter_leaves_no_file(tmp_path: Path) -> None:
    made = Anonymized(b"head", Body(((0, 10),)), "", "", "", "")
    with pytest.raises(OSError, match="shorter"):
        ObjectWriter().write(made, io.BytesIO(b"123"), str(tmp_path / "1.dcm"))
    assert not list(tmp_path.iterdir())

"""The manifest, last but one entry of a package, and its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from emixcli.container.encoding import from_base64url, from_json, to_base64url, to_json
from emixcli.container.frames import MAX_FRAMES, n_frames
from emixcli.container.layout import iter_instances
from emixcli.container.page import FORMAT, Page
from emixcli.container.zipformat import STORED
from emixcli.errors import PackageDamagedError

if TYPE_CHECKING:
    from emixcli.container.folded import Folded, Folder
    from emixcli.container.zipwriter import Lost, Written
    from emixcli.model import FileSet, Instance

_BIGGEST = 10**19
_LONGEST_REASON = 200


def entry_json(written: Written) -> bytes:
    """Return the manifest's record of one entry."""
    entry = written.entry
    record: dict[str, Any] = {
        "name": entry.name,
        "offset": entry.offset,
        "data_offset": entry.data_offset,
        "data_length": entry.data_length,
        "size": entry.size,
        "sha256": written.sha256,
        "method": "stored" if entry.method == STORED else "deflated",
    }
    if written.frames:
        record["frames"] = [list(frame) for frame in written.frames]
    return to_json(record)


def losses_json(lost: list[tuple[Lost, Instance]]) -> list[dict[str, Any]]:
    """Return instances that are not in the package, by series."""
    series: dict[str, list[dict[str, Any]]] = {}
    for loss, instance in lost:
        series.setdefault(instance.text("SeriesInstanceUID"), []).append(
            {
                "sop_instance_uid": instance.text("SOPInstanceUID"),
                "instance_number": instance.integer("InstanceNumber", -1)
                if instance.number("InstanceNumber") is not None
                else None,
                "entry": loss.source.name,
                "bytes_lost": loss.source.size,
                "reason": loss.reason[:_LONGEST_REASON],
            }
        )
    return [{"series_uid": uid, "instances": instances} for uid, instances in series.items()]


#: How the manifest starts: what is known at the end stands at its end.
MANIFEST_START = b'{"entries":['


def finish_manifest(
    entries: Folder,
    *,
    package_id: str,
    index_sha256: str,
    page: Page,
    losses: list[dict[str, Any]],
    counts: dict[str, int],
    documents_lost: list[dict[str, Any]],
) -> Folded:
    """Return the manifest.

    Parameters
    ----------
    entries
        `MANIFEST_START`, then records of `entry_json` with commas between them.
    """
    head = to_json(
        {
            "format": FORMAT,
            "package_id": package_id,
            "index_sha256": index_sha256,
            "page": {"length": len(page.blank), "sha256": page.sha256},
            "counts": counts,
            "losses": losses,
            "documents_lost": documents_lost,
        }
    )
    entries.add(b"]," + head[1:])
    return entries.finish()


def manifest_bound(file_set: FileSet, *, n_others: int) -> int:
    """Return the most bytes that the manifest can have."""
    total = 4096
    for instance, _ in iter_instances(file_set):
        total += _RECORD + (_FRAME * n_frames(instance) if _may_list_frames(instance) else 0)
        total += 6 * 64  # a hostile UID in a loss, escaped
    return total + n_others * _RECORD


def _may_list_frames(instance: Instance) -> bool:
    return 1 < n_frames(instance) <= MAX_FRAMES


_FRAME = len(to_json([_BIGGEST, _BIGGEST, "0" * 64])) + 1
_RECORD = 600 + _LONGEST_REASON


def sign(manifest: bytes | bytearray, key: Ed25519PrivateKey) -> bytes:
    """Return the content of the signature entry."""
    return to_json(
        {
            "alg": "Ed25519",
            "key": to_base64url(key.public_key().public_bytes_raw()),
            "signature": to_base64url(key.sign(manifest)),
        }
    )


def check_signature(manifest: bytes, signature: bytes) -> bytes:
    """Return the public key that signed the manifest.

    Raises
    ------
    PackageDamagedError
        The signature does not fit, or is malformed.
    """
    try:
        document = from_json(signature)
        key = from_base64url(document["key"] if document["alg"] == "Ed25519" else None)
        Ed25519PublicKey.from_public_bytes(key).verify(
            from_base64url(document["signature"]), manifest
        )
    except (InvalidSignature, ValueError, KeyError, TypeError) as exc:
        raise PackageDamagedError("the signature of the package is not valid") from exc
    return key

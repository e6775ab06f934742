"""The table that leads back from pseudonyms and new UIDs: made on request, encrypted always.

A file is one line of JSON, which says how it opens, and behind it the table: JSON lines, deflated,
under AES-256-GCM, with the first line as associated data. The key lies in a slot as of a package:
under a passphrase (Argon2id), or for the own keys of a machine (HPKE).
"""

from __future__ import annotations

import json
import secrets
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from emixcli.container.encoding import from_base64url, to_base64url, to_json
from emixcli.container.identity import load_identity, read_document
from emixcli.container.sink import FileSink
from emixcli.container.slots import (
    KEY_LENGTH,
    NONCE_LENGTH,
    Slot,
    check_passphrase,
    make_hpke_slot,
    make_passphrase_slot,
    open_slots,
)
from emixcli.errors import NoMatchingKeyError, PackageDamagedError, PassphraseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from emixcli.anonymize import Anonymized

_KIND = "reidentification-table"
#: Bytes of the first line, of a file, and of the table in it.
_MAX_HEAD, _MAX_FILE, _MAX_TABLE = 8192, 1 << 30, 1 << 32
_PATIENT_ID, _PATIENT_NAME = 0x00100020, 0x00100010
_SOP, _SERIES, _STUDY = 0x00080018, 0x0020000E, 0x0020000D


class Link(NamedTuple):
    """What an object was, and what it is now.

    `old_patient` is the Patient ID, else the name, else "". `shift_days` None: dates went.
    """

    patient: str
    old_patient: str
    shift_days: int | None
    study: str
    old_study: str
    series: str
    old_series: str
    instance: str
    old_instance: str


class Row(NamedTuple):
    """A line of the table: `kind` is patient, study, series or instance; `of` the row above it."""

    kind: str
    new: str
    old: str
    of: str
    shift_days: int | None


def link_of(made: Anonymized) -> Link:
    """Return what leads from a new object back to the old one."""
    asked = {_PATIENT_ID, _PATIENT_NAME, _STUDY, _SERIES, _SOP}
    texts = {r.tag: r.text() for r in reversed(made.records) if r.tag in asked}
    patient = next(record.context.patient for record in made.records if record.context)
    return Link(
        patient.pseudonym,
        texts.get(_PATIENT_ID) or texts.get(_PATIENT_NAME, "").strip("^= "),
        patient.days,
        made.study_uid,
        texts.get(_STUDY, ""),
        made.series_uid,
        texts.get(_SERIES, ""),
        made.sop_instance_uid,
        texts.get(_SOP, ""),
    )


@dataclass(frozen=True)
class Lock:
    """How a table will open."""

    table_id: str
    key: bytes
    slot: Slot


def make_lock(passphrase: str | None) -> Lock:
    """Return a lock that opens with a passphrase, or with the own keys of this machine.

    Raises
    ------
    PassphraseError
        Too weak.
    """
    table_id, key = secrets.token_hex(16), secrets.token_bytes(KEY_LENGTH)
    if passphrase is None:
        slot = make_hpke_slot(load_identity().public, key, package_id=table_id)
    else:
        check_passphrase(passphrase)
        slot = make_passphrase_slot(passphrase, key, package_id=table_id)
    return Lock(table_id, key, slot)


def write_table(path: Path, links: Iterable[Link], lock: Lock) -> None:
    """Write a table for its owner only; nothing of it is ever on the disk in plain text.

    Raises
    ------
    OutputExistsError
        The file exists.
    OutputError
        It cannot be written; none is left.
    """
    nonce = secrets.token_bytes(NONCE_LENGTH)
    head = to_json(
        {
            "emix": _KIND,
            "v": 1,
            "id": lock.table_id,
            "slot": lock.slot,
            "nonce": to_base64url(nonce),
        }
    )
    deflate = zlib.compressobj()
    table = b"".join(deflate.compress(line) for line in _lines(links)) + deflate.flush()
    with FileSink(path, mode=0o600) as sink:
        sink.write(head + b"\n" + AESGCM(lock.key).encrypt(nonce, table, head))


def _lines(links: Iterable[Link]) -> Iterator[bytes]:
    seen: set[Row] = set()
    for link in links:
        for row in (
            Row("patient", link.patient, link.old_patient, "", link.shift_days),
            Row("study", link.study, link.old_study, link.patient, None),
            Row("series", link.series, link.old_series, link.study, None),
        ):
            if row not in seen:
                seen.add(row)
                yield _line(row)
        yield _line(Row("instance", link.instance, link.old_instance, link.series, None))


def _line(row: Row) -> bytes:
    return json.dumps(row).encode("ascii") + b"\n"


def read_table(path: Path, passphrase: str | None) -> list[Row]:
    """Return the rows of a table: each patient, study and series before what belongs to it.

    Parameters
    ----------
    passphrase
        None tries the own keys of this machine.

    Raises
    ------
    PassphraseError
        It needs a passphrase, or another one.
    NoMatchingKeyError
        It was made for other keys, is damaged, or is no table.
    """
    try:
        with path.open("rb") as file:
            head = file.readline(_MAX_HEAD).rstrip(b"\n")
            sealed = file.read(_MAX_FILE)
        document = read_document(head, _KIND)
        key = _open(document, passphrase)
        plain = AESGCM(key).decrypt(from_base64url(document["nonce"]), sealed, head)
        return [_row(json.loads(line)) for line in _inflate(plain).splitlines()]
    except OSError as exc:
        raise NoMatchingKeyError("the table cannot be read", hint="check the file name") from exc
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        InvalidTag,
        PackageDamagedError,
        RecursionError,
        zlib.error,
    ) as exc:
        raise NoMatchingKeyError("this is no table of emix anonymize, or it is damaged") from exc


def find_rows(rows: list[Row], value: str) -> list[Row]:
    """Return the rows with a value, old or new, and those that they belong to."""
    by_new = {row.new: row for row in rows if row.kind != "instance"}
    found: dict[Row, None] = {}
    for row in rows:
        if value not in {row.new, row.old}:
            continue
        chain = [row]
        while (above := by_new.get(chain[-1].of)) is not None and above not in chain:
            chain.append(above)
        found |= dict.fromkeys(reversed(chain))
    return list(found)


def _open(document: dict[str, Any], passphrase: str | None) -> bytes:
    slot, table_id = document["slot"], str(document["id"])
    if slot.get("kind") == "passphrase":
        if passphrase is None:
            raise PassphraseError(
                "the table opens with a passphrase", hint="give it by --passphrase-file"
            )
        try:
            return open_slots([slot], package_id=table_id, code=passphrase)
        except NoMatchingKeyError as exc:
            raise PassphraseError(
                "the passphrase does not open the table",
                hint="check it; upper and lower case count",
            ) from exc
    try:
        return open_slots([slot], package_id=table_id, identity=load_identity(create=False))
    except NoMatchingKeyError as exc:
        raise NoMatchingKeyError(
            "the table was made for the keys of another machine or user",
            hint="read it there, or bring those keys: emix keys export --private",
        ) from exc


def _inflate(data: bytes) -> bytes:
    inflate = zlib.decompressobj()
    plain = inflate.decompress(data, _MAX_TABLE)
    if not inflate.eof:
        raise ValueError("cut or too large")
    return plain


def _row(line: list[Any]) -> Row:
    kind, new, old, of, days = line
    return Row(str(kind), str(new), str(old), str(of), None if days is None else int(days))

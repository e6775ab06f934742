"""The accounting of disclosures (45 CFR 164.528), kept so that the exchange learns no patient.

The organisation has a key that the exchange never sees. A patient is HMAC(key, Patient ID), so that
nobody without the key can try out numbers; what was disclosed is described in a text that is
encrypted under the same key.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from emixcli import config
from emixcli.container.encoding import from_base64url, to_base64url, to_json
from emixcli.container.identity import load_identity, read_document
from emixcli.container.key_file import create_key_file
from emixcli.container.slots import KEY_LENGTH, make_passphrase_slot, open_passphrase_slot
from emixcli.errors import NoMatchingKeyError, PackageDamagedError, PassphraseError, UsageError
from emixcli.exchange.disclosures import Disclosure, iter_disclosures
from emixcli.exchange.interface import AccountedPatient
from emixcli.package import open_package
from emixcli.words import some

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emixcli.exchange.http import HttpExchange
    from emixcli.model import FileSet, Patient

_KIND: Final = "accounting-key"
_EXPORT: Final = "accounting-key-export"
_BOUND_TO: Final = "accounting-export"
_MAX_FILE: Final = 65536
#: Purposes that 45 CFR 164.528(a)(1) does not exempt from the accounting.
_ACCOUNTABLE: Final = frozenset({"public-health", "research", "legal"})


class AccountingKey:
    """The key with which an organisation keeps its accounting."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    def _derive(self, use: str) -> bytes:
        return HKDF(SHA256(), 32, b"", f"emix/v1/accounting/{use}".encode()).derive(self.secret)

    @property
    def fingerprint(self) -> str:
        """What the exchange knows of it: 160 bits."""
        return self._derive("fingerprint").hex()[:40]

    def ref(self, patient_id: str) -> str:
        """Return the hash of a patient; blanks around the id do not count."""
        data = patient_id.strip().encode("utf-8", "surrogateescape")
        return hmac.digest(self._derive("ref"), data, "sha256").hex()

    def seal(self, ref: str, document: dict[str, str]) -> str:
        """Encrypt a description of what is disclosed of a patient."""
        nonce = secrets.token_bytes(12)
        sealed = AESGCM(self._derive("seal")).encrypt(nonce, to_json(document), ref.encode())
        return to_base64url(nonce + sealed)

    def open(self, ref: str, sealed: str) -> dict[str, Any]:
        """Return a description.

        Raises
        ------
        PackageDamagedError
            It was changed, or belongs to another patient.
        """
        try:
            data = from_base64url(sealed)
            plain = AESGCM(self._derive("seal")).decrypt(data[:12], data[12:], ref.encode())
            found = json.loads(plain)
        except (ValueError, InvalidTag) as exc:
            raise PackageDamagedError(
                "an entry of the accounting was changed", hint="have the operator look at it"
            ) from exc
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Accounted:
    """One line of the accounting; `must_list` where the rule does not exempt the purpose."""

    share_id: str
    at: str
    recipient: str
    description: str
    issuer: str
    purpose: str
    must_list: bool


def _path(fingerprint: str) -> Path:
    return config.keys_dir() / f"accounting-{fingerprint}.json"


def keep_key(key: AccountingKey) -> None:
    """Put a key among those of this machine; one that is there already stays.

    Raises
    ------
    OutputError
    """
    document = {"emix": _KIND, "v": 1, "key": to_base64url(key.secret)}
    try:
        create_key_file(_path(key.fingerprint), to_json(document) + b"\n")
    except FileExistsError:
        load_key(key.fingerprint)


def load_key(fingerprint: str) -> AccountingKey:
    """Return the key with a fingerprint.

    Raises
    ------
    UsageError
        It is not on this machine, or its file is damaged.
    """
    try:
        with _path(fingerprint).open("rb") as file:
            secret = from_base64url(read_document(file.read(_MAX_FILE), _KIND)["key"])
        key = AccountingKey(secret)
    except FileNotFoundError as exc:
        raise UsageError(
            "your organisation keeps an accounting of disclosures, and its key is not on this"
            " machine",
            hint="have it exported where it is (emix disclosures --export-key FILE) and bring it"
            " here: emix disclosures --import-key FILE",
        ) from exc
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise _damaged() from exc
    if key.fingerprint != fingerprint:
        raise _damaged()
    return key


def _damaged() -> UsageError:
    return UsageError(
        "the key of the accounting cannot be read", hint="import it again: --import-key FILE"
    )


def new_key() -> AccountingKey:
    """Return a fresh key."""
    return AccountingKey(secrets.token_bytes(KEY_LENGTH))


def export_key(key: AccountingKey, passphrase: str) -> str:
    """Return a key under a passphrase, as one line of JSON.

    Raises
    ------
    PassphraseError
        Too weak.
    """
    slot = make_passphrase_slot(passphrase, key.secret, package_id=_BOUND_TO)
    return to_json({"emix": _EXPORT, "v": 1, "slot": slot}).decode("ascii")


def read_export(path: Path, passphrase: str) -> AccountingKey:
    """Return the key in a file that `export_key` made.

    Raises
    ------
    PassphraseError
        It is another passphrase.
    UsageError
        The file is none.
    """
    try:
        with path.open("rb") as file:
            document = read_document(file.read(_MAX_FILE), _EXPORT)
        return AccountingKey(
            open_passphrase_slot(document["slot"], passphrase, package_id=_BOUND_TO)
        )
    except NoMatchingKeyError as exc:
        raise PassphraseError(
            "the passphrase does not open the exported key",
            hint="check it; upper and lower case count",
        ) from exc
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        PackageDamagedError,
    ) as exc:
        raise UsageError(
            "this is no exported key of an accounting",
            hint="make it with emix disclosures --export-key FILE",
        ) from exc


def patients_of(
    file_set: FileSet, fingerprint: str, *, is_deidentified: bool
) -> list[AccountedPatient] | None:
    """Return the patients for the exchange; None where the organisation keeps no accounting.

    What is de-identified discloses nothing of a patient (45 CFR 164.502(d)(2)).

    Raises
    ------
    UsageError
        The organisation's key is not on this machine.
    """
    if not fingerprint:
        return None
    key = load_key(fingerprint)
    if is_deidentified:
        return []
    return _account_for(key, [_described(patient, file_set) for patient in file_set.patients])


def patients_in(path: Path, fingerprint: str) -> list[AccountedPatient] | None:
    """Return the patients of a package for the exchange, as `patients_of` does.

    Raises
    ------
    NoMatchingKeyError
        The package was made elsewhere: the own keys do not open it.
    UsageError
        The organisation's key is not on this machine.
    """
    if not fingerprint:
        return None
    key = load_key(fingerprint)
    try:
        reader = open_package(path, identity=load_identity(create=False))
    except NoMatchingKeyError as exc:
        raise NoMatchingKeyError(
            "your organisation keeps an accounting of disclosures, and the keys of this machine do"
            " not open this package",
            hint="upload it where it was packed",
        ) from exc
    with reader:
        index = reader.index
    if index.get("deidentification"):
        return []
    n_reports = len(index.get("documents") or ())
    return _account_for(key, [_indexed(patient, n_reports) for patient in index["patients"]])


class _Described(NamedTuple):
    """What is disclosed of a patient, in words."""

    patient_id: str
    issuer: str
    what: str


def _indexed(patient: dict[str, Any], n_reports: int) -> _Described:
    series = [one for study in patient["studies"] for one in study["series"]]
    described = description(
        modalities={str(one.get("modality", "")) for one in series},
        dates={str(study.get("date", "")) for study in patient["studies"]},
        n_images=sum(len(one["instances"]) for one in series),
        n_reports=n_reports,
    )
    return _Described(str(patient.get("id", "")), str(patient.get("issuer", "")), described)


def _described(patient: Patient, file_set: FileSet) -> _Described:
    studies = patient.studies
    series = [one for study in studies for one in study.series]
    n_documents = len(file_set.documents)
    described = description(
        modalities={one.text("Modality") for one in series},
        dates={study.text("StudyDate") for study in studies},
        n_images=sum(len(one.instances) for one in series),
        n_reports=n_documents,
    )
    return _Described(patient.text("PatientID"), patient.text("IssuerOfPatientID"), described)


def _account_for(key: AccountingKey, found: Iterable[_Described]) -> list[AccountedPatient]:
    """Return patients for the exchange, one for each hash: what all that have it got is in it."""
    by_ref: dict[str, list[_Described]] = {}
    for one in found:
        by_ref.setdefault(key.ref(one.patient_id), []).append(one)
    made = []
    for ref, several in by_ref.items():
        what = " + ".join(one.what for one in several)
        issuer = ", ".join(dict.fromkeys(one.issuer for one in several if one.issuer))
        made.append(
            AccountedPatient(ref, key.seal(ref, {"what": what[:500], "issuer": issuer[:200]}))
        )
    return made


def description(
    *, modalities: Iterable[str], dates: Iterable[str], n_images: int, n_reports: int
) -> str:
    """Return what is disclosed in a few words: `CT, MR of 2026-03-17; 210 images, 1 report`."""
    kinds = ", ".join(sorted(filter(None, modalities))) or "images"
    days = sorted({f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in dates if len(day) == 8})
    when = f" of {', '.join(days)}" if days else ""
    reports = f", {some(n_reports, 'report')}" if n_reports else ""
    return f"{kinds}{when}; {some(n_images, 'image')}{reports}"


def find_accounting(exchange: HttpExchange, patient_id: str) -> list[Accounted]:
    """Return what was disclosed of a patient within six years, oldest first.

    Raises
    ------
    UsageError
        The organisation keeps no accounting, or its key is not on this machine.
    ForbiddenError
        The account is neither an administrator's nor an auditor's.
    """
    fingerprint = exchange.account().accounting
    if not fingerprint:
        raise UsageError(
            "your organisation keeps no accounting of disclosures",
            hint="an administrator begins it: emix disclosures --new-key",
        )
    key = load_key(fingerprint)
    ref = key.ref(patient_id)
    found = [_opened(key, ref, one) for one in iter_disclosures(exchange, ref)]
    return sorted(found, key=lambda one: (one.at, one.share_id))


def _opened(key: AccountingKey, ref: str, one: Disclosure) -> Accounted:
    document = key.open(ref, one.sealed)
    return Accounted(
        one.share_id,
        one.at,
        one.recipient,
        str(document.get("what", "")),
        str(document.get("issuer", "")),
        one.purpose,
        must_list=one.purpose in _ACCOUNTABLE,
    )

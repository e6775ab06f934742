"""Everything that can go wrong and that the user can act on.

EmixError
├── UsageError                2  usage
├── PartialError              3  partial
├── AuthRequiredError         4  auth.required
├── DeclinedError             5  declined
├── MediaError               20  media.unreadable
│   ├── NoDicomError         21  media.no_dicom
│   ├── InvalidMediaError    22  media.invalid
│   └── IncompleteMediaError 23  media.incomplete
├── ReportError              24  report.invalid
├── PatientMismatchError     25  patient.mismatch
├── OutputError              40  output.unwritable
│   ├── OutputExistsError    41  output.exists
│   └── NoSpaceError         42  output.no_space
├── ExchangeError            60  exchange.unreachable
│   ├── ExchangeTlsError     61  exchange.tls
│   ├── ExchangeTimeoutError 62  exchange.timeout
│   ├── ExchangeServerError  63  exchange.server
│   ├── NotFoundError        64  exchange.not_found
│   ├── ForbiddenError       65  exchange.forbidden
│   ├── GoneError            66  exchange.gone
│   ├── QuotaError           67  exchange.quota
│   ├── UploadInterruptedError   68  upload.interrupted
│   ├── RecipientUnconfirmedError 69  recipient.unconfirmed
│   └── ShareLockedError     72  share.locked
├── PacsError                70  pacs.unreachable
│   └── PacsRefusedError     71  pacs.refused
├── DeidUnsafeError          80  deid.unsafe
├── NoMatchingKeyError       81  key.no_match
├── PassphraseError          82  key.passphrase
├── PackageDamagedError      83  package.damaged
├── PackageVersionError      84  package.version
└── CodecMissingError        85  codec.missing

Ids and exit codes never change once released. `cli.main` is the only place that prints them and
exits. Messages hold counts, codes and our own ids, never an attribute value or a source path.
"""

from __future__ import annotations

from typing import ClassVar


class EmixError(Exception):
    """Anything the user can act on.

    Parameters
    ----------
    message
        What happened: lower case, no full stop, no patient data.
    hint
        What to do next, often the exact command; what generally helps where None.
    """

    id: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 1
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint


class UsageError(EmixError):
    """A bad option or configuration value."""

    id = "usage"
    exit_code = 2


class PartialError(EmixError):
    """Finished, but some items failed or were skipped; the result lists them."""

    id = "partial"
    exit_code = 3


class AuthRequiredError(EmixError):
    """Not logged in, or the token is refused."""

    id = "auth.required"
    exit_code = 4
    default_hint = "run emix login"


class DeclinedError(EmixError):
    """The user said no, or `--yes` was needed without a terminal."""

    id = "declined"
    exit_code = 5


class MediaError(EmixError):
    """The medium cannot be read."""

    id = "media.unreadable"
    exit_code = 20


class NoDicomError(MediaError):
    """Nothing usable was found on the medium."""

    id = "media.no_dicom"
    exit_code = 21
    default_hint = "check the path, and that it is the image disc"


class InvalidMediaError(MediaError):
    """The medium has findings at or above the chosen level."""

    id = "media.invalid"
    exit_code = 22


class IncompleteMediaError(MediaError):
    """A DICOMDIR or a series says that objects are missing."""

    id = "media.incomplete"
    exit_code = 23


class ReportError(EmixError):
    """A report cannot be read."""

    id = "report.invalid"
    exit_code = 24


class PatientMismatchError(EmixError):
    """Several patients on a medium, or a report of another patient."""

    id = "patient.mismatch"
    exit_code = 25


class OutputError(EmixError):
    """The output cannot be written."""

    id = "output.unwritable"
    exit_code = 40
    default_hint = "choose another folder, or check its permissions"


class OutputExistsError(OutputError):
    """The output exists and is not overwritten."""

    id = "output.exists"
    exit_code = 41
    default_hint = "choose another name, or remove it first"


class NoSpaceError(OutputError):
    """The disk is full."""

    id = "output.no_space"
    exit_code = 42
    default_hint = "free some space and start again"


class ExchangeError(EmixError):
    """The exchange cannot be reached."""

    id = "exchange.unreachable"
    exit_code = 60


class ExchangeTlsError(ExchangeError):
    """The certificate of the exchange is not trusted."""

    id = "exchange.tls"
    exit_code = 61


class ExchangeTimeoutError(ExchangeError):
    """The exchange did not answer in time."""

    id = "exchange.timeout"
    exit_code = 62
    default_hint = "try again; emix doctor checks the connection"


class ExchangeServerError(ExchangeError):
    """The exchange failed with an error of its own (HTTP 5xx)."""

    id = "exchange.server"
    exit_code = 63
    default_hint = "try again later; tell the operator of the exchange if it stays"


class NotFoundError(ExchangeError):
    """No such package or share, or it belongs to somebody else."""

    id = "exchange.not_found"
    exit_code = 64
    default_hint = "emix list shows yours"


class ForbiddenError(ExchangeError):
    """The account may not do this, or the access code or mail code is wrong."""

    id = "exchange.forbidden"
    exit_code = 65
    #: How often a code may still be tried, None where the exchange does not say.
    tries_left: int | None = None


class GoneError(ExchangeError):
    """The package or share is revoked or expired."""

    id = "exchange.gone"
    exit_code = 66
    default_hint = "it has to be sent or shared again"


class QuotaError(ExchangeError):
    """A quota or size limit of the exchange is reached."""

    id = "exchange.quota"
    exit_code = 67
    default_hint = "ask the operator of the exchange, or send less at once"
    #: After how many seconds the exchange may be asked again, None where that would not help.
    after_s: float | None = None


class UploadInterruptedError(ExchangeError):
    """The upload was cut; the same command goes on where it stopped."""

    id = "upload.interrupted"
    exit_code = 68
    default_hint = "start the same command again: it goes on where it stopped"


class RecipientUnconfirmedError(ExchangeError):
    """The recipient's address is new and was not confirmed, or looks mistyped."""

    id = "recipient.unconfirmed"
    exit_code = 69


class ShareLockedError(GoneError):
    """The share is locked: its access code was wrong too often."""

    id = "share.locked"
    exit_code = 72
    default_hint = "ask its sender to share it again"


class PacsError(EmixError):
    """The PACS cannot be reached."""

    id = "pacs.unreachable"
    exit_code = 70


class PacsRefusedError(PacsError):
    """The PACS refused an object."""

    id = "pacs.refused"
    exit_code = 71


class SyslogError(EmixError):
    """The syslog server cannot be reached, is not trusted, or cut the connection."""

    id = "syslog.unreachable"
    exit_code = 73


class DeidUnsafeError(EmixError):
    """Cannot be de-identified safely: refused."""

    id = "deid.unsafe"
    exit_code = 80
    default_hint = "emix anonymize --dry-run lists them with the reason"


class NoMatchingKeyError(EmixError):
    """No key or access code given opens the package."""

    id = "key.no_match"
    exit_code = 81
    default_hint = "check the access code, or open it where the key is"


class PassphraseError(EmixError):
    """A passphrase or code is malformed or too weak."""

    id = "key.passphrase"
    exit_code = 82


class PackageDamagedError(EmixError):
    """The package is damaged, truncated, reordered or was changed."""

    id = "package.damaged"
    exit_code = 83
    default_hint = "copy or download it again; emix verify checks every byte"


class PackageVersionError(EmixError):
    """The package was made by a newer format version."""

    id = "package.version"
    exit_code = 84
    default_hint = "update emix"


class CodecMissingError(EmixError):
    """No decoder for this transfer syntax is installed."""

    id = "codec.missing"
    exit_code = 85


class AuditBrokenError(EmixError):
    """The audit trail was changed: rows are missing, added or not what was written."""

    id = "audit.broken"
    exit_code = 86

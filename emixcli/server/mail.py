"""Mails: fixed texts with an organisation's name and a link, and nothing else.

No free text, no patient data, no name of a person or a file. The recipient is one parsed address,
given to the server as the envelope's only recipient; `email.message` refuses line breaks in
headers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol

from emixcli.mailaddress import parse_address
from emixcli.server.settings import MailSettings
from emixcli.wholefile import replace_whole

_NOTIFY = """\
{organisation} has images ready for you.

Open this link in a web browser; nothing needs to be installed:

{link}

You will be asked for a code that is mailed to you when you open the link, and for the access
code that the sender gives you by telephone or in person. Never send an access code by mail.

If you do not expect images from {organisation}, delete this message. Nothing can be seen
without the access code.
"""
_INBOX = """\
{organisation} has images ready for you, encrypted for the key of your account.

They are in your inbox at {exchange}:

emix inbox
emix download {share_id} -o FOLDER

There is no access code and no link: only the machine with your key opens them.
"""
_OTP = """\
Your code to open the images from {organisation}:

{code}

It can be used once, within {minutes} minutes. If you did not ask for it, delete this message.
"""
_LOCKED = """\
A share of yours was locked after too many wrong access codes. Nothing was disclosed.

Share: {share_id}
Package: {package_id}

Ask the recipient by telephone what happened before you share the package again.
"""
_UNDELIVERED = """\
The mail with the link of one of your shares could not be delivered.

Share: {share_id}
Package: {package_id}

Check the address (emix status {package_id}), revoke the share and make a new one.
"""
_INVITE = """\
{organisation} can send you medical images, and asks you to say which, and why you need them.

Open this link in a web browser; nothing needs to be installed:

{link}

You will be asked for a code that is mailed to you when you open the link. What you write is
encrypted in your browser for {organisation}, before it leaves it. The link can be used once.

If you did not ask {organisation} for images, delete this message.
"""
_INVITE_UNDELIVERED = """\
The mail with the link of one of your invitations to ask for images could not be delivered.

Invitation: {invitation_id}

See whom it was for (emix requests), end it (emix request uninvite {invitation_id}) and invite
the right address.
"""
_INVITE_OTP = """\
Your code to ask {organisation} for images:

{code}

It can be used once, within {minutes} minutes. If you did not ask for it, delete this message.
"""
_ARRIVED = """\
Somebody asks {organisation} for images.

Request: {request_id}

See who asks, whose images and why, with: emix request show {request_id}
Nothing is sent before a person has approved it.
"""
_DECLINED = """\
{organisation} cannot answer your request for images.

Request: {request_id}

Ask {organisation} by telephone what is missing. What you sent was deleted.
"""
TEXTS = {
    "request-invite": ("Ask for medical images", _INVITE),
    "request-undelivered": ("An invitation could not be delivered", _INVITE_UNDELIVERED),
    "request-otp": ("Your code to ask for images", _INVITE_OTP),
    "request-arrived": ("A request for images has arrived", _ARRIVED),
    "request-declined": ("Your request for images was declined", _DECLINED),
    "inbox": ("Images are in your inbox", _INBOX),
    "notify": ("Images are ready for you", _NOTIFY),
    "otp": ("Your code to open the images", _OTP),
    "locked": ("A share was locked", _LOCKED),
    "undelivered": ("A link could not be delivered", _UNDELIVERED),
}


class TemporaryMailError(Exception):
    """The mail could not be handed over now; try later."""


class PermanentMailError(Exception):
    """The mail will never be taken."""


@dataclass(frozen=True)
class Letter:
    """One mail to one address; `number` makes its Message-ID, the same at every try."""

    kind: str
    number: int
    created_ms: int
    recipient: str
    values: dict[str, str]
    urgent: bool = False


class Mailer(Protocol):
    """Hands a mail over."""

    async def send(self, letter: Letter) -> None:
        """Return when the mail was taken.

        Raises
        ------
        TemporaryMailError, PermanentMailError
        """


def compose(letter: Letter, sender: str, host: str) -> EmailMessage:
    """The message for a letter.

    Raises
    ------
    UsageError
        The recipient is not exactly one address.
    """
    subject, text = TEXTS[letter.kind]
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(addr_spec=parse_address(sender))
    message["To"] = Address(addr_spec=parse_address(letter.recipient))
    message["Subject"] = f"Urgent: {subject}" if letter.urgent else subject
    if letter.urgent:
        # RFC 2156 section 5.3.6, and what mail programs read.
        message["Importance"] = "high"
        message["X-Priority"] = "1"
    moment = datetime.fromtimestamp(letter.created_ms / 1000, tz=UTC)
    message["Date"] = format_datetime(moment)
    message["Message-ID"] = f"<{letter.created_ms}.{letter.number}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Emix-Kind"] = letter.kind
    message.set_content(text.format_map(letter.values), cte="quoted-printable")
    return message


class FileMailer:
    """Writes each mail as an `.eml` file; sending again overwrites the same file."""

    def __init__(self, folder: Path, settings: MailSettings, host: str) -> None:
        self._folder = folder
        self._settings = settings
        self._host = host
        folder.mkdir(exist_ok=True, mode=0o700)

    async def send(self, letter: Letter) -> None:
        """Write the mail to DATA/mail."""
        message = compose(letter, self._settings.sender, self._host)
        target = self._folder / f"{letter.created_ms}-{letter.number}.eml"
        try:
            replace_whole(target, message.as_bytes(), mode=0o666)
        except OSError as exc:
            raise TemporaryMailError from exc


class SmtpMailer:
    """Hands mails to an SMTP server."""

    def __init__(self, settings: MailSettings, password: str | None, host: str) -> None:
        self._settings = settings
        self._password = password
        self._host = host

    async def send(self, letter: Letter) -> None:
        """One connection per mail; 4xx and network errors are temporary, 5xx permanent."""
        import aiosmtplib

        settings = self._settings
        message = compose(letter, settings.sender, self._host)
        try:
            await aiosmtplib.send(
                message,
                sender=parse_address(settings.sender),
                recipients=[parse_address(letter.recipient)],
                hostname=settings.host,
                port=settings.port,
                username=settings.user or None,
                password=self._password,
                use_tls=settings.tls == "tls",
                start_tls=settings.tls == "starttls",
                timeout=settings.timeout_s,
            )
        except aiosmtplib.SMTPRecipientsRefused as exc:
            permanent = all(500 <= refusal.code < 600 for refusal in exc.recipients)
            raise (PermanentMailError if permanent else TemporaryMailError) from exc
        except aiosmtplib.SMTPAuthenticationError as exc:
            raise TemporaryMailError from exc
        except aiosmtplib.SMTPResponseException as exc:
            permanent = 500 <= exc.code < 600
            raise (PermanentMailError if permanent else TemporaryMailError) from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise TemporaryMailError from exc


def make_mailer(data: Path, settings: MailSettings, host: str) -> Mailer:
    """The mailer that the settings ask for."""
    if not settings.host:
        return FileMailer(data / "mail", settings, host)
    password = None
    if settings.password_file:
        password = (data / settings.password_file).read_text(encoding="utf-8").rstrip("\r\n")
    return SmtpMailer(settings, password, host)

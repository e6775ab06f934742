"""The whole way on one machine: a sample CD, a private exchange, a send, and a recipient.

Every step runs as the command that a user would type, in a process of its own and with a home of
its own, so that the demo touches no setting, key or login of this account.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import IO, Any, Self

from emixcli.demo.cd import SampleCd, write_sample_cd
from emixcli.errors import (
    EmixError,
    ExchangeTimeoutError,
    OutputError,
    OutputExistsError,
    PackageDamagedError,
    UsageError,
)
from emixcli.progress import SILENT, ProgressListener

SENDER = "ct@hospital.example"
RECIPIENT = "physician@clinic.example"
ORGANISATION = "Emix Sample Hospital"
_START_S = 30.0
_STOP_S = 15.0
_MAIL_S = 20.0
_LINK = re.compile(r"https?://\S+/r/\S+")
_MAIL_CODE = re.compile(r"^\s*(\d{6})\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that the private exchange has written; `code` is the one-time code, "" without."""

    path: Path
    sender: str
    recipient: str
    subject: str
    text: str

    @property
    def link(self) -> str:
        """Return the link in it, "" without."""
        found = _LINK.search(self.text)
        return found[0] if found else ""

    @property
    def code(self) -> str:
        """Return the one-time code in it, "" without."""
        found = _MAIL_CODE.search(self.text)
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the sender's side did; the access code is in `code_file` only."""

    package_id: str
    share_id: str
    link: str
    code_file: Path
    seconds: float


@dataclass(frozen=True, slots=True)
class Received:
    """What came out at the recipient's side, each byte compared with the CD's."""

    folder: Path
    n_instances: int
    n_documents: int
    seconds: float


def require_server() -> None:
    """Refuse early where the exchange is not installed.

    Raises
    ------
    UsageError
        The optional part `server` is missing.
    """
    needed = ("fastapi", "uvicorn", "sqlalchemy", "argon2", "prometheus_client")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            "the demo runs an exchange, and that part of emix is not installed",
            hint="pip install 'emixcli[server]'",
        )


@contextlib.contextmanager
def demo_folder(wanted: Path | None) -> Iterator[Path]:
    """Give the folder of a demo: the wanted one, kept, or a temporary one, removed at the end.

    Raises
    ------
    OutputExistsError
        The wanted folder is not empty.
    """
    if wanted is None:
        with tempfile.TemporaryDirectory(prefix="emix-demo-") as name:
            yield Path(name)
        return
    folder = wanted.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = next(folder.iterdir(), None) is None
    except OSError as exc:
        raise OutputError("the folder of the demo cannot be written") from exc
    if not empty:
        raise OutputExistsError("the folder of the demo is not empty", hint="choose another --dir")
    yield folder


class Demo:
    """One run of the demo; a context manager, so that the exchange always ends.

    Parameters
    ----------
    folder
        An empty folder for everything: CD image, exchange, mails, home.
    progress
        Told what is being done.
    """

    def __init__(self, folder: Path, *, progress: ProgressListener = SILENT) -> None:
        self.folder = folder
        self.url = ""
        self._progress = progress
        self._exchange: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._password = folder / "password"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Return the process of the exchange, 0 where it does not run."""
        return 0 if self._exchange is None else self._exchange.pid

    @property
    def cd(self) -> Path:
        """Return where the CD image is."""
        return self.folder / "sample-cd.iso"

    @property
    def mail_folder(self) -> Path:
        """Return where the exchange writes its mails."""
        return self.folder / "exchange" / "mail"

    def make_cd(self) -> SampleCd:
        """Write the sample CD."""
        return write_sample_cd(self.cd, progress=self._progress)

    def start_exchange(self) -> str:
        """Make and start the exchange, log the sender in, and return the exchange's address.

        Raises
        ------
        ExchangeTimeoutError
            It did not start within half a minute.
        """
        self._progress.stage("starting an exchange")
        data = self.folder / "exchange"
        _write_secret(self._password, secrets.token_urlsafe(18))
        self.run("exchange", "init", data, "--email", "it@hospital.example", "--organisation",
                 ORGANISATION, "--mail-from", "exchange@hospital.example",
                 "--password-file", self._password, "--json")  # fmt: skip
        self.run("exchange", "user", "add", data, SENDER, "--name", "CT desk", "--organisation",
                 ORGANISATION, "--password-file", self._password, "--json")  # fmt: skip
        self._log = (self.folder / "exchange.log").open("ab")
        own_group: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        self._exchange = subprocess.Popen(
            self._command("exchange", "serve", data, "--listen", "127.0.0.1:0", "--json"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=self._environment(),
            **own_group,  # Ctrl-C is for the demo, which then ends the exchange in order
        )
        self.url = str(self._first_document()["url"])
        self.run("login", self.url, "--email", SENDER, "--password-file", self._password,
                 "--store", "file", "--json")  # fmt: skip
        return self.url

    def send(self) -> Sent:
        """Send the CD to the recipient as the sender would."""
        self._progress.stage("sending")
        code_file = self.folder / "access-code.txt"
        start = time.monotonic()
        document = self.run(
            "send", self.cd, "--to", RECIPIENT, "--confirm-to", RECIPIENT, "--purpose", "treatment",
            "--hold", "0", "--code-out", code_file, "--yes", "--no-input", "--json",
        )  # fmt: skip
        seconds = time.monotonic() - start
        share = document["shares"][0]
        return Sent(document["package_id"], share["share_id"], share["link"], code_file, seconds)

    def receive(self, sent: Sent, cd: SampleCd) -> Received:
        """Play the recipient: mail code, access code, download, and compare with the CD.

        Raises
        ------
        PackageDamagedError
            What came out is not what is on the CD.
        """
        self._progress.stage("receiving as the recipient")
        start = time.monotonic()
        link = self.wait_for_mail(lambda mail: mail.link == sent.link).link
        self.run("download", link, "--request-code", "-o", self.folder, "--json", home="recipient")
        code = self.wait_for_mail(lambda mail: bool(mail.code)).code
        mail_code_file = self.folder / "mail-code.txt"
        _write_secret(mail_code_file, code)
        inbox = self.folder / "received"
        self.run("download", link, "-o", inbox, "--unpack", "--code-file", sent.code_file,
                 "--mail-code-file", mail_code_file, "--no-input", "--json",
                 home="recipient")  # fmt: skip
        seconds = time.monotonic() - start
        compare(inbox, cd)
        return Received(inbox, len(cd.instances), len(cd.documents), seconds)

    def run(self, *arguments: str | Path, home: str = "home") -> dict[str, Any]:
        """Run one emix command and return its JSON document.

        Parameters
        ----------
        arguments
            The words after `emix`.
        home
            Whose keys and settings: a folder in the demo's folder.

        Raises
        ------
        EmixError
            The command failed; with its id, exit code, message and hint.
        """
        done = subprocess.run(
            self._command(*arguments),
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=self._environment(home),
        )
        if done.returncode:
            raise _error_of(done.stderr, arguments, done.returncode)
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def mails(self) -> list[Mail]:
        """Return the mails of the exchange, oldest first."""
        if not self.mail_folder.is_dir():
            return []
        paths = sorted(self.mail_folder.glob("*.eml"), key=lambda path: path.name)
        return [read_mail(path) for path in paths]

    def wait_for_mail(self, wanted: Callable[[Mail], bool]) -> Mail:
        """Return the first mail that is wanted.

        Raises
        ------
        ExchangeTimeoutError
            None came in time.
        """
        deadline = time.monotonic() + _MAIL_S
        while time.monotonic() < deadline:
            for mail in self.mails():
                if wanted(mail):
                    return mail
            self._check_alive()
            time.sleep(0.05)
        raise ExchangeTimeoutError(
            "the mail of the exchange did not come", hint=f"see {self.folder / 'exchange.log'}"
        )

    def follow_mails(self) -> Iterator[Mail]:
        """Yield every further mail as it comes, until the exchange ends."""
        seen = {mail.path for mail in self.mails()}
        while True:
            for mail in self.mails():
                if mail.path not in seen:
                    seen.add(mail.path)
                    yield mail
            self._check_alive()
            time.sleep(0.3)

    def stop(self) -> None:
        """End the exchange; nothing happens where it does not run."""
        process, self._exchange = self._exchange, None
        if process is not None:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if self._log is not None:
            self._log.close()
            self._log = None

    def _command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "emixcli", *map(str, arguments)]

    def _environment(self, home: str = "home") -> dict[str, str]:
        """Return the environment of a step: no settings of the account's own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EMIX_")}
        return {**kept, "EMIX_HOME": str(self.folder / home)}

    def _first_document(self) -> dict[str, Any]:
        """Return what `exchange serve --json` prints once it is ready."""
        process = self._exchange
        if process is None or process.stdout is None:
            raise ExchangeTimeoutError("the private exchange was not started")
        timer = _Timer(process, _START_S)
        with timer:
            lines = b""
            for line in process.stdout:
                lines += line
                if line.rstrip() == b"}":
                    break
        if timer.expired or not lines:
            raise ExchangeTimeoutError(
                "the private exchange did not start", hint=f"see {self.folder / 'exchange.log'}"
            )
        document: dict[str, Any] = json.loads(lines)
        return document

    def _check_alive(self) -> None:
        if self._exchange is not None and self._exchange.poll() is not None:
            raise EmixError(
                "the private exchange has ended", hint=f"see {self.folder / 'exchange.log'}"
            )


class _Timer(contextlib.AbstractContextManager["_Timer"]):
    """Kills a process that takes too long, so that reading its output ends."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        import threading

        self.expired = False
        self._process = process
        self._thread = threading.Timer(seconds, self._expire)

    def _expire(self) -> None:
        self.expired = True
        self._process.kill()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.cancel()
        self._thread.join()


def compare(received: Path, cd: SampleCd) -> None:
    """Check that every object and report of the CD came out, bit for bit, and nothing else.

    Raises
    ------
    PackageDamagedError
        Something is missing, changed or too much.
    """
    for pattern, expected in (("DICOM", cd.instances), ("REPORTS", cd.documents)):
        paths = (path for path in received.rglob(f"{pattern}/**/*") if path.is_file())
        found = Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
        if found != Counter(expected.values()):
            raise PackageDamagedError("what was received is not what is on the sample CD")


def read_mail(path: Path) -> Mail:
    """Return a mail file in plain words."""
    with path.open("rb") as file:
        message = BytesParser(policy=policy.default).parse(file)
    body = message.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return Mail(path, str(message["From"]), str(message["To"]), str(message["Subject"]), text)


def _write_secret(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")


def _error_of(stderr: bytes, arguments: Sequence[str | Path], code: int) -> EmixError:
    """Return the error of a step as if it had been raised here."""
    step = "emix " + " ".join(str(word) for word in arguments[:2] if not str(word).startswith("/"))
    for line in reversed(stderr.decode("utf-8", "replace").splitlines()):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            said = json.loads(line)["error"]
            kind = _kinds().get(said["id"], EmixError)
            return kind(f"{said['message']} (in {step})", hint=said["hint"])
    return EmixError(f"{step} ended with exit code {code}", hint="its output stands above")


def _kinds() -> dict[str, type[EmixError]]:
    """Return every class of error by its id."""
    found: dict[str, type[EmixError]] = {}
    waiting: list[type[EmixError]] = [EmixError]
    for kind in waiting:
        found.setdefault(kind.id, kind)
        waiting += kind.__subclasses__()
    return found

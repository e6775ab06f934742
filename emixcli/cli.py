"""The entry point: the table of commands, and the only place that prints errors and exits.

`emix --help` is answered from the table alone; Typer (100 ms of CPU) is imported for a command, and
a command's module only when that command runs.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import re
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from emixcli.errors import DeclinedError, EmixError, NoSpaceError, OutputError, UsageError
from emixcli.ui.output import StdoutClosedError

if TYPE_CHECKING:
    from types import FrameType

EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
_COMPLETE = "_EMIX_COMPLETE"
#: Commands that go on where they were stopped.
_RESUMING = {"send", "upload", "share", "download"}
#: Objects between two searches for cycles: by default imports alone cause a hundred.
_GC_EVERY = 50_000
#: Typer's names of types, for people.
_NO_NUMBER = re.compile(r"is not a valid (?:int|integer|float)(?: range)?$")
#: What the extra `server` brings (pyproject.toml); without it `emix exchange` says so.
_SERVER_PACKAGES = {
    "aiosmtplib",
    "alembic",
    "argon2",
    "fastapi",
    "httptools",
    "prometheus_client",
    "sqlalchemy",
    "starlette",
    "uvicorn",
}


class Entry(NamedTuple):
    """A row of the table of commands."""

    module: str
    help: str
    example: str


_ROWS = {
    "demo": ("Run the whole way on this machine with a made-up CD.", "emix demo"),
    "scan": ("Show what is on a medium.", "emix scan /media/cdrom"),
    "diagnose": (
        "Tell exactly what of a medium is lost, and what to ask for.",
        "emix diagnose /dev/sr0 --full --html disc.html",
    ),
    "salvage": (
        "Copy what can be read of a medium, and repair what can be.",
        "emix salvage /dev/sr0 -o saved --image disc.iso",
    ),
    "pack": (
        "Make one encrypted file that shows itself.",
        "emix pack /media/cdrom -o ct.emix.html",
    ),
    "anonymize": (
        "Remove what identifies the patient, and prove it.",
        "emix anonymize /media/cdrom -o clean",
    ),
    "pseudonyms": (
        "Keep keys of de-identification, and read tables that lead back.",
        "emix pseudonyms new trial-7",
    ),
    "inspect": ("Tell what can be said about a package.", "emix inspect ct.emix.html"),
    "verify": ("Check every byte and the signature of a package.", "emix verify ct.emix.html"),
    "view": ("Open a package in the browser.", "emix view ct.emix.html"),
    "unpack": ("Get the DICOM files and reports back.", "emix unpack ct.emix.html -o study"),
    "report": ("Read reports in the terminal.", "emix report show report.hl7"),
    "login": ("Log in to an exchange.", "emix login https://exchange.example.org"),
    "logout": ("Forget the login.", "emix logout"),
    "whoami": ("Show the account that is logged in.", "emix whoami"),
    "send": (
        "Read, check, pack, upload and share in one go.",
        "emix send /media/cdrom --to jo@clinic.example --purpose treatment",
    ),
    "batch": ("Send many studies from a list.", "emix batch check sends.csv"),
    "upload": ("Upload a package to the exchange.", "emix upload ct.emix.html"),
    "share": (
        "Share an uploaded package with a mail address.",
        "emix share PACKAGE_ID --to jo@clinic.example --purpose treatment",
    ),
    "list": ("List own packages on the exchange.", "emix list"),
    "status": ("Show the shares of a package and their states.", "emix status PACKAGE_ID"),
    "recall": ("Take a share back before its mail has gone.", "emix recall SHARE_ID"),
    "revoke": ("End the access to a share or package.", "emix revoke PACKAGE_ID"),
    "request": ("Ask for images, and answer those who ask.", "emix request show REQUEST_ID"),
    "requests": ("List requests for images.", "emix requests"),
    "download": ("Get a package by its id or by a link.", "emix download PACKAGE_ID -o incoming"),
    "audit": ("Read, check and export the audit trail.", "emix audit verify"),
    "disclosures": (
        "Account for what was disclosed of a patient.",
        "emix disclosures 4711",
    ),
    "contacts": (
        "Keep the addresses that your organisation knows.",
        "emix contacts add jo@clinic.example",
    ),
    "inbox": ("List packages that were sealed for your key.", "emix inbox"),
    "keys": ("Show, publish and move keys, and trust those of others.", "emix keys show"),
    "config": ("Show and change settings.", "emix config set sender_name 'CT reading room'"),
    "doctor": ("Check this installation; safe to paste in a ticket.", "emix doctor"),
    "version": ("Show versions.", "emix version --verbose"),
    "exchange": ("Run and look after an exchange.", "emix exchange serve /srv/emix"),
}

#: Every command: its module (imported when it runs), one line of help, and the example that its
#: help starts with.
COMMANDS: dict[str, Entry] = {
    name: Entry(f"emixcli.commands.{name}", *row) for name, row in _ROWS.items()
}


class TerminatedError(BaseException):
    """SIGTERM arrived: unwind, clean up, exit with 143."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line of this process and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # A name that cp1252 cannot show must not end a command whose work is done.
            reconfigure(errors="backslashreplace")
    with contextlib.suppress(ValueError):  # only the main thread may set handlers
        signal.signal(signal.SIGTERM, _terminate)
    gc.set_threshold(_GC_EVERY)
    # numpy's BLAS, which nothing here uses, would start threads: 50 ms of processor
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = run(arguments, logged=True)
    gc.freeze()  # at its end Python would look for cycles in all of it: 20 ms
    return code


def run(argv: Sequence[str], *, logged: bool = False) -> int:
    """Run one command line, print what went wrong, and return the exit code.

    Parameters
    ----------
    argv
        The words after `emix`.
    logged
        Whether the run goes to the log file; the process is not touched otherwise, so that tests
        can call this many times.
    """
    if _COMPLETE in os.environ:
        return _complete()
    if list(argv) in ([], ["--help"], ["-h"]):
        return _answer(help_text())
    if _asks_for_version(argv):
        from emixcli import __version__

        return _answer(f"emix {__version__}\n")
    if list(argv[:1]) == ["help"]:
        argv = [*argv[1:2], "--help"]
    if logged:
        from emixcli import logs

        logs.start()
        code = _catch(argv)
        logs.end(argv[0] if argv[0] in COMMANDS else "?", code)
    else:
        code = _catch(argv)
    return _close_stdout(code)


def _asks_for_version(argv: Sequence[str]) -> bool:
    """Whether the version alone is asked for, which needs no Typer."""
    plain = not any(name.startswith("EMIX_VERSION_") for name in os.environ)
    return list(argv) == ["--version"] or (list(argv) == ["version"] and plain)


def help_text() -> str:
    """Return the help of `emix` itself."""
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:<{width}}  {entry.help}" for name, entry in COMMANDS.items())
    return (
        "Example: emix send /media/cdrom --to jo@clinic.example --purpose treatment\n\n"
        "Usage: emix COMMAND [OPTIONS] …\n\n"
        "Get a patient's images to the clinician who needs them.\n\n"
        f"Commands:\n{rows}\n\n"
        "Options:\n  -h, --help  Show this text; `emix COMMAND --help` shows a command's.\n"
        "  --version   Show the version.\n\n"
        "Every option can come from the environment: EMIX_PACK_OUTPUT for `emix pack --output`.\n"
    )


def _complete() -> int:
    """Answer a shell that completes a line, or print what it sources (`source_bash`)."""
    from typer.completion import completion_init  # type: ignore[attr-defined] # no __all__

    from emixcli.commands._lazy import make_group

    completion_init()
    group = make_group(COMMANDS, help_text)
    with contextlib.suppress(SystemExit):
        group.main([], prog_name="emix", complete_var=_COMPLETE)
    return _close_stdout(0)


def _answer(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    except OSError as exc:
        error = _as_emix_error(exc) or OutputError(
            "standard output cannot be written", hint="check the disk that it goes to"
        )
        return _close_stdout(_report(error, as_json=False))
    return _close_stdout(0)


def _catch(argv: Sequence[str]) -> int:
    """Run and turn every way to end into an exit code."""
    from emixcli.ui import console

    as_json = _wants_json(argv)
    try:
        with console.for_script(as_json):
            code = _dispatch(argv)
        sys.stdout.flush()  # a full disk is an error, too, when standard output is a file
    except StdoutClosedError:
        return 0
    except (Exception, KeyboardInterrupt, TerminatedError) as exc:  # noqa: BLE001 - the one place
        # print() leaves its data in the buffer, so that a second flush tells whose pipe it was.
        if isinstance(exc, BrokenPipeError) and not _flush_stdout():
            return 0
        resumes = bool(argv) and argv[0] in _RESUMING
        hint = "the same command goes on where it stopped" if resumes else ""
        error = _as_emix_error(exc, hint=hint)
        if error is None:
            return _report_bug(exc, as_json=as_json)
        return _report(error, as_json=as_json)
    return code


def _as_emix_error(exc: BaseException, *, hint: str = "") -> EmixError | None:
    """Return what the user is told; None for a bug.

    Parameters
    ----------
    hint
        What to do where somebody stopped the command.
    """
    match exc:
        case EmixError():
            return exc
        case KeyboardInterrupt():
            return _StopError("interrupted", hint=hint)
        case TerminatedError():
            return _TermError("terminated", hint=hint)
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EFBIG):
            return NoSpaceError("the disk is full", hint="free some space and start again")
        case ModuleNotFoundError() if (exc.name or "").split(".")[0] in _SERVER_PACKAGES:
            hint = "pip install 'emixcli[server]'"
            return UsageError("the exchange's server is not installed", hint=hint)
        case _:
            return None


def _dispatch(argv: Sequence[str]) -> int:
    """Import Typer, run the command and translate Typer's own exceptions."""
    import typer

    from emixcli.commands._lazy import make_group

    group = make_group(COMMANDS, help_text)
    try:
        with group.make_context("emix", list(argv)) as context:
            group.invoke(context)
    except typer.Exit as exc:
        return exc.exit_code
    except typer.Abort as exc:
        raise DeclinedError("stopped by the user", hint="") from exc
    except typer.TyperException as exc:
        raise _as_usage_error(exc, argv) from exc
    return 0


def _as_usage_error(exc: Exception, argv: Sequence[str]) -> UsageError:
    format_message = getattr(exc, "format_message", exc.__str__)
    text = _NO_NUMBER.sub("is not a number", str(format_message()).rstrip("."))
    command = argv[0] if argv and argv[0] in COMMANDS else ""
    where = getattr(exc, "ctx", None)
    path = where.command_path if where is not None else f"emix {command}".rstrip()
    return UsageError(text[:1].lower() + text[1:], hint=f"see {path} --help")


def _report(exc: EmixError, *, as_json: bool) -> int:
    """Print an error for a person or, with `--json`, as one object, and return its code."""
    from emixcli.ui import console

    if as_json:
        import json

        document = {
            "schema": "emix.error/1",
            "error": {
                "id": exc.id,
                "exit_code": exc.exit_code,
                "message": exc.message,
                "hint": exc.hint,
            },
        }
        text = json.dumps(document)
    else:
        text = f"emix: error: {exc.message}"
        if exc.hint:
            text += f"\nemix: hint: {exc.hint}"
    with contextlib.suppress(OSError):
        console.tell(text)
    return exc.exit_code


class _StopError(EmixError):
    id = "interrupted"
    exit_code = EXIT_INTERRUPTED


class _TermError(EmixError):
    id = "terminated"
    exit_code = EXIT_TERMINATED


def _report_bug(exc: BaseException, *, as_json: bool) -> int:
    """Log the frames (never values) and point to the log file."""
    from emixcli import logs

    place = logs.write_traceback(exc)
    hint = f"the traceback, without data, is in {place}" if place else ""
    bug = EmixError(f"internal error: {type(exc).__name__} (run {logs.run_id()})", hint=hint)
    return _report(bug, as_json=as_json)


def _wants_json(argv: Sequence[str]) -> bool:
    """Whether errors are for a script: `--json`, or the variable that stands for it."""
    before = argv[: list(argv).index("--")] if "--" in argv else argv
    words = [word.upper().replace("-", "_") for word in argv[:2]]
    variables = ("_".join(["EMIX", *words[:n], "JSON"]) for n in (1, 2))
    values = {os.environ.get(name, "").lower() for name in variables}
    return "--json" in before or not values.isdisjoint({"1", "true", "t", "yes", "y", "on"})


def _flush_stdout() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        return False
    return True


def _close_stdout(code: int) -> int:
    """Flush; where the reader has gone, let Python's own flush at exit go nowhere."""
    if not _flush_stdout():
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())
            os.close(null)
    return code


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise TerminatedError

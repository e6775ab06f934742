"""Files that list many sends: CSV with a header, or JSON Lines, one row for each send."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from emixcli.errors import EmixError, UsageError
from emixcli.services.share import ShareOrder, with_terms

COLUMNS: Final = {
    "source": "folder, ZIP file or image; several divided by `;`",
    "to": "mail address of a recipient; several divided by `;`",
    "purpose": "purpose of use, as of `emix send`",
    "confirm_to": "addresses that are new, a second time",
    "patient": "the patient to take, by id; several divided by `;`",
    "study": "the study to take, by UID; several divided by `;`",
    "report": "report files; several divided by `;`",
    "accept_report": "why a report that differs from the patient goes along",
    "hold": "seconds that the mail is held",
    "max_downloads": "how often each recipient may open it",
    "expires": "when the share ends: 7d, 12h",
    "urgent": "yes or no: its mail goes first",
    "anonymize": "yes or no: de-identified by the Basic Profile",
    "deid_option": "options of de-identification, divided by `;`",
    "report_copies": "structured: copies of the reports go along, with codes and numbers only",
    "ref": "your own word for the row, repeated in every result",
    "failure": "why the row failed, in a list of failures; not read",
}
"""The columns of a batch; the first three are required."""

_REQUIRED: Final = ("source", "to", "purpose")
_MAX_SIZE: Final = 64 * 2**20
_MAX_DIGITS: Final = 9
_YES: Final = {
    "": False, "no": False, "false": False, "0": False, "yes": True, "true": True, "1": True,
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One send of a batch.

    Parameters
    ----------
    number
        Of the row, from 1, the header not counted.
    fields
        As they stand in the file: for the list of failures.
    """

    number: int
    ref: str
    sources: tuple[str, ...]
    order: ShareOrder
    patients: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    reports: tuple[Path, ...] = ()
    accept_report: str = ""
    anonymize: bool = False
    deid_options: tuple[str, ...] = ()
    has_copies: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be sent, and why."""

    number: int
    ref: str
    error: EmixError
    fields: Mapping[str, str] = field(default_factory=dict)


def read_batch(path: Path) -> list[Row | BadRow]:
    """Return the rows of a batch; relative paths count from the folder of the file.

    Raises
    ------
    UsageError
        The file cannot be read, has unknown or missing columns, or no row.
    """
    try:
        if path.stat().st_size > _MAX_SIZE:
            raise UsageError("the batch is too large", hint="at most 64 MB; divide it")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise UsageError("the batch cannot be read", hint="check its name") from exc
    except UnicodeDecodeError as exc:
        raise UsageError("the batch is not UTF-8", hint="save it as CSV in UTF-8") from exc
    records = _json_lines(text) if path.suffix.lower() in (".jsonl", ".ndjson") else _csv(text)
    rows = [_row(number, fields, path.parent) for number, fields in enumerate(records, 1)]
    if not rows:
        raise UsageError("the batch has no rows", hint="one row for each send, below the header")
    return rows


def _csv(text: str) -> Iterator[dict[str, str]]:
    first = next(io.StringIO(text, newline=None), "")
    delimiter = "\t" if "\t" in first else ";" if "," not in first else ","
    # As it stands: line ends within a cell, and the carriage returns of old Macintosh files.
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        _check_columns(reader.fieldnames or ())
        for record in reader:
            if any(record.values()):
                # Cells behind the last column stand under None, which becomes the name "".
                yield {str(name or ""): str(cell or "") for name, cell in record.items()}
    except csv.Error as exc:
        raise UsageError("the batch is no CSV", hint="quote cells that hold commas") from exc


def _json_lines(text: str) -> Iterator[dict[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise UsageError(
                f"line {number} of the batch is no JSON object", hint="one object in each line"
            )
        _check_columns([*record, *_REQUIRED])
        yield {name: _text(value) for name, value in record.items()}


def _text(value: object) -> str:
    if isinstance(value, list):
        return ";".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _check_columns(names: Any) -> None:
    unknown = set(names) - set(COLUMNS)
    missing = set(_REQUIRED) - set(names)
    if unknown or missing:
        raise UsageError(
            "the columns of the batch are not as they should be",
            hint="required: source, to, purpose; also "
            + ", ".join(name for name in COLUMNS if name not in _REQUIRED),
        )


def _row(number: int, fields: dict[str, str], folder: Path) -> Row | BadRow:
    ref = fields.get("ref", "").strip()
    try:
        return _checked(number, ref, fields, folder)
    except EmixError as error:
        return BadRow(number, ref, error, fields)


def _checked(number: int, ref: str, fields: dict[str, str], folder: Path) -> Row:
    if "" in fields:
        raise UsageError("the row has more cells than there are columns", hint="quote commas")
    sources = tuple(str(folder / part) for part in _parts(fields, "source"))
    if not sources:
        raise UsageError("the row names no source", hint="fill in the column source")
    order = ShareOrder(
        _parts(fields, "to"),
        fields.get("purpose", "").strip(),
        _number(fields, "hold", such_as="600 for ten minutes"),
        frozenset(_parts(fields, "confirm_to")),
    )
    return Row(
        number=number,
        ref=ref,
        sources=sources,
        order=with_terms(
            order,
            max_opens=_number(fields, "max_downloads", such_as="5"),
            expires=fields.get("expires", ""),
            urgent=_yes(fields, "urgent"),
        ),
        patients=_parts(fields, "patient"),
        studies=_parts(fields, "study"),
        reports=tuple(folder / part for part in _parts(fields, "report")),
        accept_report=fields.get("accept_report", "").strip(),
        anonymize=_yes(fields, "anonymize"),
        deid_options=_parts(fields, "deid_option"),
        has_copies=_has_copies(fields),
        fields=fields,
    )


def _number(fields: Mapping[str, str], name: str, *, such_as: str) -> int | None:
    text = fields.get(name, "").strip()
    if text and not (text.isdecimal() and len(text) <= _MAX_DIGITS):
        raise UsageError(f"{name} is no number", hint=f"such as {such_as}, or leave it empty")
    return int(text) if text else None


def _yes(fields: Mapping[str, str], name: str) -> bool:
    word = fields.get(name, "").strip().casefold()
    if word not in _YES:
        raise UsageError(f"{name} is neither yes nor no", hint="write yes or no")
    return _YES[word]


def _has_copies(fields: Mapping[str, str]) -> bool:
    word = fields.get("report_copies", "").strip().casefold()
    if word not in ("", "structured"):
        raise UsageError("report_copies is not structured", hint="write structured, or nothing")
    if word and not _yes(fields, "anonymize"):
        raise UsageError("report_copies needs anonymize", hint="write yes into anonymize")
    return bool(word)


def _parts(fields: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in fields.get(name, "").split(";") if part.strip())


def write_failures(
    path: Path, failed: list[tuple[Mapping[str, str], EmixError]], *, folder: Path
) -> None:
    """Write the rows that failed as a batch that can be run again, with the reason beside each.

    Parameters
    ----------
    folder
        From which the paths of the rows count; in another one they become absolute.

    Raises
    ------
    OutputExistsError, OutputError
        The file exists, or cannot be written.
    """
    from emixcli.container.sink import FileSink

    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*COLUMNS], lineterminator="\r\n")
    writer.writeheader()
    for fields, error in failed:
        row = {name: fields.get(name, "") for name in COLUMNS}
        if folder.resolve() != path.parent.resolve():
            for name in ("source", "report"):
                places = (str((folder / part).resolve()) for part in _parts(fields, name))
                row[name] = ";".join(places)
        row["failure"] = error.id
        writer.writerow(row)
    with FileSink(path) as sink:
        sink.write(text.getvalue().encode())

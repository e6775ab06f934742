"""Reports beside the images: compared with the patients before they are sent, and shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emixcli.container.layout import Report
from emixcli.container.verify import iter_index_instances
from emixcli.errors import ReportError, UsageError
from emixcli.reports import reading
from emixcli.reports.attached import load_report
from emixcli.reports.dicom import is_dicom
from emixcli.reports.inner import EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from emixcli.container.reader import PackageReader
    from emixcli.reports.reading import Reading


_PAGE: Final = b"<!doctype html"
_HEAD: Final = 132


@dataclass(frozen=True, slots=True)
class Shown:
    """A report to be shown.

    Parameters
    ----------
    match
        What the sender's comparison with the images said; of a file that is in no package, none.
    """

    kind: str
    size: int
    data: bytes
    reading: Reading
    match: dict[str, str] | None = None


def is_package(path: Path) -> bool:
    """Whether a file begins like a package."""
    try:
        with path.open("rb") as file:
            return file.read(len(_PAGE)).lower() == _PAGE
    except OSError:
        return False


def show_file(path: Path) -> Shown:
    """Return a report on the disk, made readable.

    Raises
    ------
    ReportError
        It cannot be read, is of no known kind, or too large to be shown.
    """
    report = _load(path)
    if report.size > reading.MAX_SIZE:
        raise ReportError("a report is too large to be shown", hint="at most 64 MB are read")
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ReportError("a report cannot be read", hint="check its name") from exc
    return Shown(report.kind, len(data), data, reading.load(data, report.kind))


def _load(path: Path) -> Report:
    """Return a report on the disk; a DICOM object may be one."""
    try:
        with path.open("rb") as file:
            if is_dicom(file.read(_HEAD)):
                return Report(path, path.stat().st_size, "dicom")
    except OSError:
        pass
    return load_report(path)


def _not_chosen(entries: Sequence[str], name: str) -> UsageError:
    if not entries:
        return UsageError(
            "the package has no reports beside its images", hint="emix inspect shows what it holds"
        )
    message = (
        "the package has no such report" if name else f"the package has {len(entries)} reports"
    )
    return UsageError(
        message, hint=f"say which: {', '.join(entries)}; in short {PurePosixPath(entries[0]).stem}"
    )


def show_entry(package: PackageReader, name: str) -> Shown:
    """Return a report of a package, read anew from its original.

    Parameters
    ----------
    name
        Its entry, or the last part of that with or without extension; may be empty where there is
        only one report.

    Raises
    ------
    UsageError
        There is none of this name.
    ReportError
        It cannot be read.
    """
    documents = [*_objects(package), *_documents(package)] if name else _documents(package)
    fields = next((one for one in documents if _is_named(str(one.get("entry", "")), name)), None)
    if fields is None or (not name and len(documents) > 1):
        raise _not_chosen([str(one.get("entry", "")) for one in _documents(package)], name)
    kind = str(fields.get("kind", ""))
    data = package.read(str(fields["entry"]))
    match = fields.get("match")
    return Shown(
        kind, len(data), data, reading.load(data, kind),
        {key: str(value) for key, value in match.items()} if isinstance(match, dict) else None,
    )  # fmt: skip


def _documents(package: PackageReader) -> list[dict[str, Any]]:
    return [one for one in package.index.get("documents", ()) if isinstance(one, dict)]


def _objects(package: PackageReader) -> Iterator[dict[str, Any]]:
    """Yield the objects of a package that have words or a document."""
    for instance in iter_index_instances(package.index):
        if instance.get("kind") in ("text", "document"):
            inner = instance.get("document") or {}
            yield {"entry": instance.get("entry", ""), "kind": "dicom", "match": inner.get("match")}


def save_documents(shown: Shown, folder: Path | None) -> list[str]:
    """Write the documents inside a report to a new folder, bit for bit; return their names.

    Parameters
    ----------
    folder
        None writes nothing; the names are then empty, as are those of references.

    Raises
    ------
    OutputError
        The folder cannot be written, or exists and is not empty.
    """
    from emixcli.services.folder import new_folder

    inner = shown.reading.inner
    if folder is None:
        return [""] * len(inner)
    names = [
        f"document-{number}{EXTENSIONS.get(one.kind, '.bin')}" if one.data else ""
        for number, one in enumerate(inner, 1)
    ]
    with new_folder(folder) as partial:
        for name, one in zip(names, inner, strict=True):
            if name:
                (partial / name).write_bytes(one.data)
    return names


def _is_named(entry: str, name: str) -> bool:
    base = entry.rpartition("/")[2]
    wanted = name.upper()
    return not name or wanted in (entry.upper(), base.upper(), base.partition(".")[0].upper())


class RawField(NamedTuple):
    """A field of an HL7 message."""

    field: str
    name: str
    value: str


def raw_fields(shown: Shown) -> list[RawField]:
    """Return every field of an HL7 file that is not empty, as it stands.

    Raises
    ------
    UsageError
        It is no HL7 v2.
    """
    from emixcli.reports.hl7 import read_messages
    from emixcli.reports.hl7_dictionary import field_name

    if shown.kind != "hl7v2":
        raise UsageError("only HL7 v2 has fields", hint="leave --raw out")
    return [
        RawField(f"{segment.name}-{number}", field_name(message, segment.name, number), value)
        for message in read_messages(shown.data)
        for segment in message.segments
        for number, value in segment.fields()
    ]

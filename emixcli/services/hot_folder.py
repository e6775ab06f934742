"""A folder that a PACS or a modality exports to: finds what is complete, and moves what is done.

Each route has a folder. In it, a folder is one export; files that lie there loose belong together
by study. Nothing is taken before all of it has been quiet for a while. What was sent is moved, by
one renaming, so that whatever is killed when, an export is either still there (and sending it again
finds that it was sent already) or among what is done.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emixcli.errors import EmixError, OutputError, UsageError
from emixcli.media.scan import scan_media
from emixcli.wholefile import output_error, sync_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.services.batch_file import Row

SENT: Final = "emix-sent"
FAILED: Final = "emix-failed"
_PLAN: Final = ".emix-moving.json"
#: Exporters write under such names first.
_UNFINISHED: Final = (".part", ".partial", ".tmp", ".filepart", ".crdownload")

#: Relative path, size and time of change of each file.
State = frozenset[tuple[str, int, int]]


@dataclass(frozen=True)
class Export:
    """One export in the folder of a route: a folder, or loose files of one study."""

    route: Row
    root: Path
    #: The folder's name, "" where files lie loose.
    name: str
    state: State = field(compare=False)

    @property
    def sources(self) -> tuple[str, ...]:
        """What to read."""
        if self.name:
            return (str(self.root / self.name),)
        return tuple(str(self.root / path) for path, _, _ in sorted(self.state))


class HotFolder:
    """Watches the folders of all routes.

    Parameters
    ----------
    folder
        From which the sources of the routes count.
    routes
        Rows with one source each.
    quiet_s
        Nothing of an export may have changed for so long.
    clock
        Seconds.

    Raises
    ------
    UsageError
        A route has several sources, no folder, or chooses patients or studies.
    OutputError
        Nothing could be moved there.
    """

    def __init__(
        self,
        folder: Path,
        routes: Sequence[Row],
        *,
        quiet_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._routes = [(route, _root(folder, route)) for route in routes]
        if len({root for _, root in self._routes}) != len(self._routes):
            raise UsageError("two routes have the same folder", hint="one row for each folder")
        self._quiet_s = quiet_s
        self._clock = clock
        self._seen: dict[tuple[Path, str], tuple[State, float]] = {}
        self._studies: dict[tuple[str, int, int], str] = {}
        for place in (SENT, FAILED):
            _make(folder / place)
            _end_moves(folder / place)

    def ready(self) -> list[Export]:
        """Return the exports that are complete."""
        now = self._clock()
        found = {}
        quiet = []
        for key, export in self._iter_exports():
            state, since = self._seen.get(key, (None, now))
            if state != export.state:
                since = now
            found[key] = (export.state, since)
            if now - since >= self._quiet_s and not _is_unfinished(export.state):
                quiet.append(export)
        self._seen = found
        return quiet

    @property
    def is_empty(self) -> bool:
        """Whether the last look found nothing at all."""
        return not self._seen

    def _iter_exports(self) -> Iterator[tuple[tuple[Path, str], Export]]:
        for route, root in self._routes:
            loose: dict[str, set[tuple[str, int, int]]] = {}
            for entry in self._entries(root):
                if entry.is_dir(follow_symlinks=False):
                    state = _state_of(root / entry.name)
                    if state:
                        yield (root, entry.name), Export(route, root, entry.name, state)
                elif entry.is_file(follow_symlinks=False):
                    line = _line(root, Path(entry.path))
                    if line is not None:
                        loose.setdefault(self._study(root, line), set()).add(line)
            for study, lines in loose.items():
                yield (root, f"*{study}"), Export(route, root, "", frozenset(lines))

    def _entries(self, root: Path) -> list[os.DirEntry[str]]:
        own = {one for _, one in self._routes} | {self._folder / SENT, self._folder / FAILED}
        try:
            with os.scandir(root) as entries:
                return [
                    entry
                    for entry in entries
                    if not entry.name.startswith(".") and Path(entry.path) not in own
                ]
        except OSError as exc:
            raise UsageError(
                "a watched folder cannot be read", hint="check that it is there"
            ) from exc

    def _study(self, root: Path, line: tuple[str, int, int]) -> str:
        """Return to which study a loose file belongs; its name where that cannot be told."""
        known = self._studies.get(line)
        if known is None:
            try:
                scanned = scan_media([str(root / line[0])])
            except EmixError:
                known = line[0]
            else:
                uids = [study.uid for study in scanned.iter_studies()]
                known = uids[0] if uids else line[0]
            self._studies[line] = known
        return known

    def is_unchanged(self, export: Export) -> bool:
        """Whether nothing came in or changed since the export was found."""
        return self._present(export, export.root) == export.state

    def _present(self, export: Export, root: Path) -> State:
        if export.name:
            return _state_of(root / export.name)
        lines = (_line(root, root / path) for path, _, _ in export.state)
        return frozenset(line for line in lines if line is not None)

    def move(self, export: Export, *, package_id: str, errors: Sequence[EmixError]) -> bool:
        """Move an export to what was sent, or with its reasons to what failed.

        Returns
        -------
        bool
            False where it changed meanwhile and stays where it is.

        Raises
        ------
        OutputError
        """
        if not self.is_unchanged(export):
            return False
        place = self._folder / (FAILED if errors else SENT) / _label(self._folder, export.root)
        _make(place)
        target = _free(place, export.name or package_id or "loose")
        try:
            if not self._rename(export, target):
                return False
            if errors:
                _write_reasons(target, errors)
            sync_folder(place)
        except OSError as exc:
            raise output_error(exc) from exc
        return True

    def _rename(self, export: Export, target: Path) -> bool:
        if not export.name:
            _move_loose(export, target)
            return True
        (export.root / export.name).rename(target)
        if _state_of(target) == export.state:
            return True
        # A file came in between the look and the renaming: it was not sent.
        target.rename(export.root / export.name)
        return False


def _move_loose(export: Export, target: Path) -> None:
    """Move loose files; a plan beside them lets the next start end what was cut off.

    Half of them alone would look like a new export.
    """
    target.mkdir()
    lines = [[path, size, changed] for path, size, changed in sorted(export.state)]
    plan = target / _PLAN
    with plan.open("w", encoding="utf-8") as file:
        json.dump({"from": str(export.root), "files": lines}, file)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(target)
    _end_move(plan)


def _end_move(plan: Path) -> None:
    document = json.loads(plan.read_text("utf-8"))
    root = Path(document["from"])
    for path, size, changed in document["files"]:
        if _line(root, root / path) == (path, size, changed):
            (root / path).rename(plan.parent / path)
    plan.unlink()


def _end_moves(place: Path) -> None:
    """End what an earlier run was moving when it was stopped."""
    for plan in place.glob(f"*/*/{_PLAN}"):
        try:
            _end_move(plan)
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise OutputError(
                "files that were sent cannot be moved", hint=f"look into the folder {place}"
            ) from exc


def _root(folder: Path, route: Row) -> Path:
    if len(route.sources) != 1 or route.patients or route.studies or route.reports:
        raise UsageError(
            "a watched row has one folder as source, and no patient, study or report",
            hint="what comes into the folder is sent as it is",
        )
    # Absolute already, counted from the file of the batch: here they count from the folder.
    root = folder / route.fields.get("source", "").strip()
    if not root.is_dir() or not root.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"the source of row {route.number} is no folder below the watched one",
            hint="make it first",
        )
    return root


def _label(folder: Path, root: Path) -> str:
    return str(root.relative_to(folder)).replace(os.sep, "-").replace(".", "all", 1)


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise OutputError(
            "the watched folder cannot be written", hint="what was sent is moved there"
        ) from exc


def _state_of(folder: Path) -> State:
    lines = (
        _line(folder, Path(parent) / name) for parent, _, names in os.walk(folder) for name in names
    )
    return frozenset(line for line in lines if line is not None)


def _line(root: Path, path: Path) -> tuple[str, int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return str(path.relative_to(root)), status.st_size, status.st_mtime_ns


def _is_unfinished(state: State) -> bool:
    return any(path.lower().endswith(_UNFINISHED) for path, _, _ in state)


def _free(place: Path, name: str) -> Path:
    target, n = place / name, 1
    while target.exists():
        n += 1
        target = place / f"{name}-{n}"
    return target


def _write_reasons(target: Path, errors: Sequence[EmixError]) -> None:
    reasons = [{"id": one.id, "message": one.message, "hint": one.hint} for one in errors]
    path = target.with_name(f"{target.name}.error.json")
    path.write_text(json.dumps({"errors": reasons}, indent=1) + "\n", encoding="utf-8")

"""De-identified objects as files, made again where the second look finds something in them."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from emixcli.deid.report import Report
from emixcli.errors import EmixError, OutputError
from emixcli.services.deidentify import DeidentifyingReader, Refused, place_of, refusal
from emixcli.services.object_file import ObjectWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from emixcli.deid.repair import Repair
    from emixcli.deid.report import Output
    from emixcli.media.reader import MediaReader
    from emixcli.model import Instance
    from emixcli.services.deid_work import Item
    from emixcli.services.deidentify import Place


class Written:
    """The new files as the second look reads them, and what it makes of them: `Outputs`."""

    def __init__(
        self,
        folder: Path,
        items: Sequence[Item],
        media: MediaReader,
        reader: DeidentifyingReader,
        report: Report,
    ) -> None:
        self._folder, self._media, self._reader, self._report = folder, media, reader, report
        self._names = {place_of(instance): name for instance, name in items}
        self._outputs = {output.name: output for output in report.outputs}
        self._writer = ObjectWriter()
        self.refused: list[Refused] = []

    def open_old(self, instance: Instance) -> BinaryIO:
        """Open an instance as it was."""
        return self._media.open(instance)

    def open_new(self, instance: Instance) -> BinaryIO | None:
        """Open the new file of an instance."""
        name = self._names.get(place_of(instance), "")
        return self._path(name).open("rb") if name in self._outputs else None

    def repair(self, instance: Instance, repair: Repair) -> None:
        """Write an instance again, or delete it."""
        place = place_of(instance)
        name = self._names.get(place, "")
        before = self._outputs.pop(name, None)
        if before is None:
            return
        self._path(name).unlink()
        try:
            with self._media.open(instance) as source:
                self._forget(source, place)
                self._repairs[place] = repair
                again = self._written(source, repair, before)
        except OutputError:
            raise
        except (OSError, EmixError) as exc:
            self.refused.append(refusal(instance, exc))
            return
        self._report.add(again)
        self._outputs[name] = again.outputs[0]

    def _forget(self, source: BinaryIO, place: Place) -> None:
        """Take out of the report what was done to an object before."""
        with contextlib.closing(self._reader.anonymize(source, self._repairs.get(place))) as made:
            self._report.actions -= made.actions
            self._report.accepted -= Counter(made.accepted)

    def _written(self, source: BinaryIO, repair: Repair, before: Output) -> Report:
        """Return the report of an object that was written again."""
        path = self._path(before.name)
        with contextlib.closing(self._reader.anonymize(source, repair)) as made:
            self._writer.write(made, source, str(path))
            sha256 = before.sha256
            if sha256:
                with path.open("rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            again = Report(self._report.profile, self._report.version)
            again.written(made, name=before.name, sha256=sha256)
        return again

    def close(self) -> None:
        """Put what was made again into the report."""
        self._report.outputs = [self._outputs[name] for name in sorted(self._outputs)]

    def rename(self, items: Iterable[Item]) -> None:
        """Give the files the names that they have without those that were deleted."""
        changed = {
            self._names[place_of(instance)]: name
            for instance, name in items
            if self._names[place_of(instance)] != name
        }
        for name in changed:
            self._path(name).rename(self._path(name).with_suffix(".was"))
        for name, new in changed.items():
            self._path(new).parent.mkdir(parents=True, exist_ok=True)
            self._path(name).with_suffix(".was").rename(self._path(new))
        outputs = self._report.outputs
        self._report.outputs = sorted(
            output._replace(name=changed.get(output.name, output.name)) for output in outputs
        )

    @property
    def _repairs(self) -> dict[Place, Repair]:
        return self._reader.repairs

    def _path(self, name: str) -> Path:
        return self._folder.joinpath(*name.split("/"))

"""Objects that are on a medium more than once."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from emixcli.media.elements import SLOTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.media.sources import Source
    from emixcli.model import Instance
    from emixcli.validate.places import Findings

_SOP_UID: Final = SLOTS["SOPInstanceUID"]
_COMPARED: Final = 64 * 1024


class Doubles:
    """Instances with the UID of an earlier one.

    Parameters
    ----------
    instances
        Those that were found so far, and are no doubles; it grows.
    """

    def __init__(self, instances: list[Instance]) -> None:
        self._instances = instances
        self._hashes: set[int] = set()  # a third of the memory of the UIDs
        self._by_uid: dict[str, int] = {}
        self._n_listed = 0
        self._twice: list[tuple[int, Instance]] = []

    def first(self, uid: str) -> int | None:
        """Return the index of an earlier instance with a UID; from now on, it is known."""
        key = hash(uid)
        if key not in self._hashes:
            self._hashes.add(key)
            return None
        for index in range(self._n_listed, len(self._instances)):
            self._by_uid.setdefault(str(self._instances[index].value(_SOP_UID)), index)
        self._n_listed = len(self._instances)
        return self._by_uid.get(uid)

    def add(self, first: int, instance: Instance) -> None:
        """Remember an instance with the UID of the earlier one at an index."""
        self._twice.append((first, instance))

    def report(self, sources: Sequence[Source], findings: Findings) -> list[Instance]:
        """Report each as an equal object (C03) or as another one (C04); returns the latter."""
        others = []
        for first, instance in self._twice:
            earlier = self._instances[first]
            same = _is_same(earlier, instance, sources)
            findings.add_instance("C03" if same else "C04", earlier)
            if not same:
                others.append(instance)
        return others


def _is_same(a: Instance, b: Instance, sources: Sequence[Source]) -> bool:
    """Whether two files are equal in size, header and both ends of their content."""
    if a.size != b.size or a.values != b.values:
        return False
    offsets = {0, max(0, a.size - _COMPARED)}
    try:
        with (
            contextlib.closing(sources[a.source].open_bytes(a.path)) as first,
            contextlib.closing(sources[b.source].open_bytes(b.path)) as second,
        ):
            return all(
                first.read_at(offset, _COMPARED) == second.read_at(offset, _COMPARED)
                for offset in offsets
            )
    except OSError:
        return False

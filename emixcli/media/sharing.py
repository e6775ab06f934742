"""What headers have in common, held once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emixcli.media.elements import SLOTS
from emixcli.packed import SharedValues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.model import Value

_CLASS: Final = SLOTS["SOPClassUID"]
#: A header that differs in more values is the next one's model.
_MAX_OWN: Final = 32
_MAX_KEPT: Final = 1024


class Sharing:
    """Splits the values of headers into those that an earlier one had as well, and the others."""

    def __init__(self) -> None:
        self._models: dict[Value, tuple[Value, ...]] = {}
        self._shared: dict[tuple[int, bytes, bool], SharedValues] = {}

    def split(self, values: Sequence[Value], *, deep: bool) -> tuple[SharedValues, list[Value]]:
        """Return shared and own values."""
        model = self._models.get(values[_CLASS])
        if model is not None:
            pairs = enumerate(zip(values, model, strict=True))
            slots = bytes(slot for slot, (a, b) in pairs if a is not b and a != b)
            if len(slots) <= _MAX_OWN:
                return self._with(model, slots, deep=deep), [values[slot] for slot in slots]
        if len(self._models) >= _MAX_KEPT:
            self._models.clear()
        model = self._models[values[_CLASS]] = tuple(values)
        return self._with(model, b"", deep=deep), []

    def _with(self, model: tuple[Value, ...], slots: bytes, *, deep: bool) -> SharedValues:
        key = (id(model), slots, deep)
        shared = self._shared.get(key)
        if shared is None or shared.values is not model:
            if len(self._shared) >= _MAX_KEPT:
                self._shared.clear()
            shared = self._shared[key] = SharedValues(model, slots, deep=deep)
        return shared

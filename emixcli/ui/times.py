"""Points in time for people: those of this machine's zone, and the zone."""

from __future__ import annotations

from datetime import UTC, datetime


def time_text(text: str) -> str:
    """Return an ISO 8601 time as `2026-03-17 14:05 CET`; other text as it is."""
    found = _parse(text)
    if found is None:
        return text
    local = found.astimezone()
    return f"{local:%Y-%m-%d %H:%M} {_zone(local)}"


def is_future(text: str) -> bool:
    """Whether an ISO 8601 time has not come yet; False for other text."""
    found = _parse(text)
    return found is not None and found > datetime.now(UTC)


def _parse(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _zone(local: datetime) -> str:
    # Windows gives long names (`W. Europe Standard Time`): the offset is shorter.
    name = local.tzname() or ""
    return name if name.isascii() and name.isalpha() and len(name) <= 5 else f"{local:%z}"

"""Slips of the fingers: how many lie between two texts, and what kind one is."""

from __future__ import annotations

_ROWS = ("1234567890-", "qwertyuiop", "asdfghjkl", "zxcvbnm.")


def within(a: str, b: str, limit: int) -> bool:
    """Tell whether `a` becomes `b` by at most `limit` slips.

    A slip is a letter that was left out, added or replaced, or two neighbours that were swapped
    (Damerau-Levenshtein distance, each letter moved once at most).
    """
    if abs(len(a) - len(b)) > limit:
        return False
    a, b = _unlike(a, b)
    if limit == 1:
        return _one(a, b)
    earlier: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        earlier, before, row = row, earlier, [i]
        for j, other in enumerate(b, 1):
            cost = min(earlier[j] + 1, row[j - 1] + 1, earlier[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and other == a[i - 2]:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit and min(earlier) > limit:
            return False
    return row[-1] <= limit


def _unlike(a: str, b: str) -> tuple[str, str]:
    """Both texts without the beginning and the end that they share."""
    start, most = 0, min(len(a), len(b))
    while start < most and a[start] == b[start]:
        start += 1
    end = 0
    while end < most - start and a[-1 - end] == b[-1 - end]:
        end += 1
    return a[start : len(a) - end], b[start : len(b) - end]


def _one(a: str, b: str) -> bool:
    """`within(a, b, 1)` for texts that share neither beginning nor end."""
    return max(len(a), len(b)) <= 1 or (len(a) == 2 and a == b[::-1])


def slip_words(typed: str, meant: str) -> str:
    """Say what happened between two texts that lie one slip apart; else, that they are alike."""
    a, b = _unlike(typed, meant)
    if not within(a, b, 1):
        return "it looks almost the same"
    if len(a) > 1:
        return "two letters swapped"
    if not a:
        doubled = b * 2 in meant and b * 2 not in typed
        return "a doubled letter typed once" if doubled else "a letter missing"
    if not b:
        doubled = a * 2 in typed and a * 2 not in meant
        return "a letter typed twice" if doubled else "a letter too many"
    return "a neighbouring key" if is_neighbour(a, b) else "one letter different"


def is_neighbour(a: str, b: str) -> bool:
    """Tell whether two keys touch on a keyboard of the usual layout."""
    upper, lower = sorted((_place(a), _place(b)))
    if upper[0] < 0 or lower[0] - upper[0] > 1:
        return False
    if upper[0] == lower[0]:
        return lower[1] - upper[1] == 1
    # Each row lies half a key to the right of the one above it.
    return lower[1] - upper[1] in {0, -1}


def _place(key: str) -> tuple[int, int]:
    return next(((y, row.index(key)) for y, row in enumerate(_ROWS) if key in row), (-1, -1))

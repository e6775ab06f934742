"""What the second look found in an object, so that the first does it again and better.

What identifies a patient may be known from one object only, and stand as a word in the text of
another. So an object is a function of key, profile, its own bytes, and its repair; which is a
function of the inputs of the patient, in whatever order they come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emixcli.deid.structure import Leak

#: Tries before an object is given up: words alone, then whole elements.
TRIES = 3


class Repair(NamedTuple):
    """What an object has to lose beside what its own header tells.

    Attributes
    ----------
    words
        Spellings of identifying values that stood in its output; in memory only.
    tags
        Attributes that go wholly, since taking the words out did not help.
    is_refused
        Whether nothing helped: the object does not go out.
    """

    words: frozenset[str] = frozenset()
    tags: frozenset[int] = frozenset()
    is_refused: bool = False

    def further(self, words: Iterable[str], leaks: Iterable[Leak]) -> Repair:
        """Return what to try next, after this left leaks: words first, then elements."""
        found = self.words | frozenset(words)
        if found != self.words and not self.words and not self.tags:
            return Repair(found)
        return Repair(found, self.tags | {tag for leak in leaks for tag in leak.tags()})

    def given_up(self) -> Repair:
        """Return the repair of an object that cannot be repaired."""
        return Repair(self.words, self.tags, is_refused=True)

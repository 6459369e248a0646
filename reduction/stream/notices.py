"""Notices: texts about present faults of the stream, for operators."""

from __future__ import annotations

from collections.abc import Callable

NOTICE_NS = 60_000_000_000
"""A notice is shown for this time after it was last given."""

MOST_NOTICES, LONGEST_NOTICE = 20, 300
"""So many notices are shown, the newest ones, and so many characters of each."""

MOST_ONCE = 1000
"""Most subjects of notices that are given once only."""


class Notices:
    """The notices of the last minute, one for each subject.

    What they are about may come from outside, so their number and length are bounded. ``clock_ns``
    is a clock of elapsed ns.
    """

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._given: dict[str, tuple[str, int]] = {}
        self._once: set[str] = set()

    def give(self, subject: str, text: str) -> None:
        """Show ``text`` in place of an earlier notice about the subject."""
        self._given.pop(subject, None)
        self._given[subject] = text[:LONGEST_NOTICE], self._clock_ns()
        if len(self._given) > MOST_NOTICES:
            del self._given[next(iter(self._given))]

    def give_once(self, subject: str, text: str) -> None:
        """Show ``text``, unless a notice about the subject was given in this way before."""
        if subject not in self._once and len(self._once) < MOST_ONCE:
            self._once.add(subject)
            self.give(subject, text)

    def withdraw(self, subject: str) -> None:
        """Show no notice about the subject any more."""
        self._given.pop(subject, None)

    @property
    def message(self) -> str:
        """All notices, the latest one last; empty if there is none."""
        if not self._given:
            return ""
        oldest_ns = self._clock_ns() - NOTICE_NS
        self._given = {k: each for k, each in self._given.items() if each[1] >= oldest_ns}
        return "; ".join(text for text, _ in self._given.values())


def offset_words(offset_ns: int) -> str:
    """An offset in words, such as ``3600.0 s ahead of``."""
    return f"{abs(offset_ns) / 1e9:.1f} s {'ahead of' if offset_ns > 0 else 'behind'}"

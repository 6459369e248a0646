"""Rows of the tables of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.timing import Timing

HEADINGS = ("what", "measured", "target", "met", "peer in the same run", "ratio")


@dataclass(frozen=True)
class Row:
    """One claim. ``met`` is None where there is no target; an empty peer is none."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None
    peer: str = ""
    ratio: str = ""

    def named(self, before: str) -> Row:
        """The row with a text before what it measures."""
        return replace(self, what=before + self.what)

    @property
    def cells(self) -> tuple[str, ...]:
        """The words of the table's columns."""
        met = {True: "yes", False: "**no**", None: ""}[self.met]
        return self.what, self.measured, self.target, met, self.peer, self.ratio


def zero(what: str, count: float) -> Row:
    """A row whose count must be 0."""
    return Row(what, f"{count:g}", "0", count == 0)


def below(what: str, seconds: float, limit: float) -> Row:
    """A row whose time must be below the limit."""
    return Row(what, f"{seconds:.3g} s", f"< {limit:g} s", seconds < limit)


def compared(what: str, ours: Timing, peer: str, theirs: Timing) -> Row:
    """A row that says how many times faster we are than a peer."""
    ratio = theirs.wall.median / ours.wall.median
    return Row(what, str(ours), "ahead", ratio > 1, f"{peer}: {theirs}", f"{ratio:.1f}")


def markdown(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(row.cells for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

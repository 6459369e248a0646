"""Whether every event that a rank has received is in exactly one count."""

from __future__ import annotations

from reduction.ranks.pipeline import Pipeline

CELLS_A_TICK = 100_000
"""Most cells that are summed at every tick, in 30 us; those of larger reductions for a result."""


class EventAccount:
    """The account of one rank: received = filtered + all that is in the cells, in each reduction.

    Ranks are checked one by one, so that what one has lost and another has twice does not cancel.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._known: dict[int, int] = {}
        self._since: dict[int, int] = {}

    def check(self, *, everything: bool) -> None:
        """Compare, while the engine has nothing outstanding; large reductions if ``everything``."""
        engine, expected = self._pipeline.engine, self._pipeline.received - self._pipeline.filtered
        for number in range(len(self._pipeline.order.reductions)):
            cells = engine.cells(number)
            if everything or cells.size <= CELLS_A_TICK:
                wrong = abs(expected - engine.tally(number, cells).events)
                self._since[number] = max(wrong, self._since.get(number, 0))

    def told(self) -> int:
        """Events by which the worst reduction is wrong; asked for each report.

        It is the most since the last report, lest one that is soon put right goes unnoticed.
        """
        self._known |= self._since
        self._since = {}
        return max(self._known.values(), default=0)

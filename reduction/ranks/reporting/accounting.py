"""Whether every event that a rank has received is counted exactly once."""

from __future__ import annotations

from reduction.ranks.counting.pipeline import Pipeline

CELLS_A_TICK = 100_000
"""Most cells that are summed at every tick, which takes 30 us.

Cells of larger reductions are summed only when a result is due.
"""


class EventAccount:
    """The account of one rank: received = filtered + events in the cells, for each reduction.

    Each rank checks its account separately. So an event that one rank lost and an event that
    another rank counted twice do not cancel.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._reported: dict[int, int] = {}
        self._found: dict[int, int] = {}

    def check(self, *, everything: bool) -> None:
        """Check the account; to be called when the engine has histogrammed all events.

        Reductions of more than `CELLS_A_TICK` cells are checked only if ``everything`` is.
        """
        engine, expected = self._pipeline.engine, self._pipeline.received - self._pipeline.filtered
        for number in range(len(self._pipeline.order.reductions)):
            cells = engine.cells(number)
            if everything or cells.size <= CELLS_A_TICK:
                wrong = abs(expected - engine.tally(number, cells).events)
                self._found[number] = max(wrong, self._found.get(number, 0))

    def unaccounted(self) -> int:
        """The largest error of any reduction, in events; call it once for each report.

        It is the largest error found since the last report, so that an error which disappears
        before the report is noticed, too.
        """
        self._reported |= self._found
        self._found = {}
        return max(self._reported.values(), default=0)

"""Whether an accumulation or a series may begin with a pulse that has come already."""

from __future__ import annotations

import numpy as np

from reduction.control import transitions
from reduction.control.orders import RanksOrder
from reduction.control.run_state import RunState
from reduction.ranks.collectives import Collectives
from reduction.ranks.counting.pipeline import Pipeline
from reduction.ranks.intake.receiver import StreamReceiver, places_of_all
from reduction.ranks.pulses.recent_pulses import RecentPulses
from reduction.stream.pulses import NO_PULSE


class PastBoundaries:
    """Judges boundaries that orders tell, by the ``recent`` pulses; all ranks call it together."""

    def __init__(
        self,
        together: Collectives,
        pipeline: Pipeline,
        receiver: StreamReceiver,
        recent: RecentPulses,
    ) -> None:
        self._together, self._pipeline, self._receiver = together, pipeline, receiver
        self._recent = recent

    def can_go_back(self, order: RanksOrder, state: RunState, cut_ns: int, newest_ns: int) -> bool:
        """Whether ``order`` resets, and begins with a pulse that has come and can be read again.

        Pulses up to ``cut_ns`` have been taken; ``newest_ns`` is the newest one of which any rank
        has received anything.
        """
        since_ns = min(order.begins_ns, cut_ns + 1)
        return (
            transitions.resets(state, order)
            and NO_PULSE < order.begins_ns <= newest_ns
            and self._recent.reach(since_ns)
            and bool(places_of_all(self._together, self._receiver.places_at(since_ns)))
        )

    def can_move(self, order: RanksOrder, state: RunState, cut_ns: int) -> bool:
        """Whether ``order`` begins a series with a pulse that has been taken and can be moved.

        Pulses up to ``cut_ns`` have been taken. All ranks must retain the events since the
        boundary. A pulse after the end of an acquisition has none.
        """
        begins_ns = order.begins_ns
        if not (
            transitions.closes(state, order)
            and max(state.series_ends_ns, default=NO_PULSE) < begins_ns <= cut_ns
            and self._recent.reach(begins_ns)
            and all(gap.paused or gap.until_ns < begins_ns for gap in state.gaps)
        ):
            return False
        since = self._pipeline.received - self._recent.since(begins_ns)[0].received
        retained = np.array([[self._pipeline.engine.retained >= since]], np.int64)
        return bool(self._together.gather(retained).all())

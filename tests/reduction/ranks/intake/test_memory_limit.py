"""MemoryLimit is for all events of a rank, those included that wait for their pulses."""

from __future__ import annotations

import dataclasses

from reduction.control.orders import RanksOrder
from reduction.engines.native.engine import NativeEngine
from reduction.instrument.geometry import powder_arc
from reduction.parameters.all_reductions.run import RunControl
from reduction.ranks.counting.pipeline import LEAST_PENDING_BYTES, Pipeline
from reduction.stream.log_values.logs import Logs


class Limited(NativeEngine):
    """An engine that tells its limit."""

    limited_bytes = 0

    def limit(self, memory_bytes: int, *, keep: bool) -> None:
        self.limited_bytes = memory_bytes
        super().limit(memory_bytes, keep=keep)


def limited(pipeline: Pipeline) -> int:
    assert isinstance(pipeline.engine, Limited)
    return pipeline.engine.limited_bytes


def test_events_that_wait_take_room_from_those_that_are_retained() -> None:
    order = RanksOrder()
    pipeline = Pipeline(powder_arc(), Limited, order, Logs(), 8_000_000_000)
    pipeline.obey(order, {}, 1, clear=False)
    assert limited(pipeline) == pipeline.limit_bytes == 8_000_000_000
    assert pipeline.most_pending_bytes == 2_000_000_000
    pipeline.limit_memory(500_000_000)
    assert limited(pipeline) == 7_500_000_000
    set_by_order = dataclasses.replace(order, control=RunControl(memory_limit=1.0))
    pipeline.obey(set_by_order, {}, 1, clear=False)
    pipeline.limit_memory(300_000_000)
    assert limited(pipeline) == 700_000_000
    assert pipeline.most_pending_bytes == 250_000_000
    pipeline.limit_memory(2_000_000_000)
    assert limited(pipeline) == 0


def test_pulses_can_always_be_completed() -> None:
    order = RanksOrder(control=RunControl(memory_limit=1e-6))
    pipeline = Pipeline(powder_arc(), Limited, order, Logs(), 8_000_000_000)
    assert pipeline.most_pending_bytes == LEAST_PENDING_BYTES

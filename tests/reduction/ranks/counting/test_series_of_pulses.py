"""Numbered series: the accumulation is closed, kept, and cut anew with the running one."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reduction.engines.native.engine import NativeEngine
from reduction.engines.protocol import Recipe
from reduction.instrument.geometry import powder_arc
from reduction.parameters import bins
from reduction.parameters.units import Units

INSTRUMENT = powder_arc()
BINS = ["1000,50,60000", "1000,100,60000"]
"""The edges of each are among the fine edges of the other, so nothing may be off by folding."""


def events(pulse: int, number: int = 100) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    rng = np.random.default_rng(pulse)
    pixel_id = rng.choice(INSTRUMENT.detector_id[~INSTRUMENT.is_monitor], number).astype(np.int32)
    return pixel_id, rng.integers(900_000, 61_000_000, number).astype(np.int32)


class Ends:
    """Slices by pulse number: the next one from each end on, of which more may come."""

    def __init__(self) -> None:
        self.pulses: list[int] = []

    def __call__(self, times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        return np.searchsorted(self.pulses, times_ns, side="right").astype(np.int32)


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["close", "prepare"]),
            st.sampled_from(BINS),
            st.integers(1, 12),
        ),
        max_size=25,
    ),
    st.booleans(),
)
def test_slices_may_be_added_while_events_come_are_sorted_and_folded(
    steps: list[Any], little_memory: bool
) -> None:
    ends, bin_params, pulse = Ends(), BINS[0], 0
    group = np.zeros(INSTRUMENT.detector_id.size, np.int32)

    def made() -> Recipe:
        edges = bins.edges(bin_params, 10_000)
        return Recipe(Units.TOF, edges, group, len(ends.pulses) + 1, ends)

    engine = NativeEngine(INSTRUMENT, [made()], block_events=300)
    if little_memory:
        engine.limit(8_000, keep=True)
    for step in steps:
        match step:
            case int():
                for _ in range(step):
                    engine.accumulate(*events(pulse), pulse)
                    pulse += 1
                engine.advance(600)
            case "close":
                ends.pulses.append(pulse)
                engine.configure(0, made())
            case "prepare":
                engine.prepare(600)
            case _:
                bin_params = step
                engine.configure(0, made())
    assert engine.advance(600)
    counts = engine.tally(0, engine.cells(0)).counts[:, 0]
    starts = [0, *ends.pulses, pulse]
    for number in range(len(ends.pulses) + 1):
        tofs = [events(each)[1] for each in range(starts[number], starts[number + 1])]
        expected = np.histogram(np.concatenate([*tofs, []]) / 1000.0, made().edges)[0]
        np.testing.assert_array_equal(counts[number], expected)
    assert engine.tally(0, engine.cells(0)).events == 100 * pulse

"""One thread from raw events to a histogram, beside numpy and scipp."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.sample import Case, SampleEvents
from benchmarks.rows import Row, compared
from benchmarks.timing import Figure, interleaved
from reduction.engines.native.engine import NativeEngine
from reduction.engines.protocol import Recipe
from reduction.parameters.units import Units

CASES = (
    Case(Units.D_SPACING, "0.4,0.0001,5"),
    Case(Units.D_SPACING, "0.4,-0.0001,5", even=False),
    Case(Units.D_SPACING, "1,0.0005,3"),
    Case(Units.TOF, "1000,1,60000"),
    Case(Units.MOMENTUM_TRANSFER, "1.2,0.0004,16"),
    Case(Units.WAVELENGTH, "0.5,0.0002,8"),
    Case(Units.ENERGY, "1,0.01,300"),
    Case(Units.ENERGY, "1,-0.0002,300", even=False),
)
EVEN_RATE, LOGARITHMIC_RATE = 4e8, 2.5e8
"""The least rates in events/s."""

SCIPP_MISSING = "`pip install scipp` (extra `bench`) adds scipp to these rows"


class Native:
    """The native engine, holding the events of a sample."""

    def __init__(self, sample: SampleEvents) -> None:
        self._group = np.zeros(sample.instrument.detector_id.size, np.int32)
        recipe = Recipe(Units.TOF, np.array([1.0, 2.0]), self._group)
        self._engine = NativeEngine(sample.instrument, [recipe])
        self._engine.accumulate(sample.pixel_id, sample.tof_ns, 0)

    def histogram(self, case: Case) -> NDArray[np.int64]:
        """New tables, and one pass over all events, which are not sorted beforehand."""
        self._engine.configure(0, Recipe(case.units, case.edges, self._group))
        assert self._engine.advance(math.inf)
        return self._engine.tally(0, self._engine.cells(0)).counts.ravel()


def measure(quick: bool) -> list[Row]:
    """For each case a row of its rate, and one for each peer."""
    sample = SampleEvents(2_000_000 if quick else 10_000_000)
    native = Native(sample)
    peers = _peers(sample)
    rows = [
        row for case in CASES for row in _case_rows(sample, native, peers, case, 5 if quick else 7)
    ]
    return rows if len(peers) > 1 else [*rows, Row("scipp", SCIPP_MISSING)]


def _peers(sample: SampleEvents) -> list[tuple[str, Callable[..., Any], Callable[..., Any]]]:
    """Name, histogram with the same edges, and histogram with even bins."""
    peers: list[tuple[str, Callable[..., Any], Callable[..., Any]]] = [
        ("numpy", sample.numpy_histogram, sample.numpy_even)
    ]
    try:
        from benchmarks.engine.scipp_peer import ScippTable
    except ImportError:
        return peers
    table = ScippTable(sample)
    return [*peers, ("scipp", table.histogram, partial(table.histogram, even=True))]


def _case_rows(
    sample: SampleEvents, native: Native, peers: list[Any], case: Case, repeats: int
) -> list[Row]:
    contestants = {"ours": partial(native.histogram, case)}
    for name, same, even in peers:
        contestants[name] = partial(same, case)
        if case.even:
            contestants[f"{name}, its own even bins"] = partial(even, case)
    counts, times = interleaved(contestants, repeats)
    expected = sample.expected(case)
    np.testing.assert_array_equal(counts["ours"], expected)
    ours = times.pop("ours")
    rates = Figure(tuple(sample.tof_ns.size / (ms / 1e3) for ms in ours.wall.values), "events/s")
    least = EVEN_RATE if case.even else LOGARITHMIC_RATE
    return [
        Row(str(case), str(rates), f"≥ {least:.2g}/s", rates.median >= least),
        *(
            compared("…", ours, name + _astray(counts[name], expected), time)
            for name, time in times.items()
        ),
    ]


def _astray(counts: NDArray[Any], expected: NDArray[np.int64]) -> str:
    """How many events a peer puts elsewhere, if any."""
    difference = int(np.abs(counts - expected).sum())
    return f" ({difference} counts differ)" if difference else ""

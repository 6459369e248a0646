"""How long from the command to the first counts."""

from __future__ import annotations

import time

from benchmarks.product import product
from benchmarks.rows import Row
from benchmarks.timing import Figure

LONGEST_S = 10.0


def measure(quick: bool) -> list[Row]:
    """One row; a first start, which may compile, is not timed."""
    _, *times = [_started() for _ in range(2 if quick else 4)]
    return [
        Row(
            f"start to first counts, {len(times)} times",
            str(Figure(tuple(times))),
            f"all < {LONGEST_S:g} s",
            max(times) < LONGEST_S,
        )
    ]


def _started() -> float:
    began = time.perf_counter()
    with product() as running:
        running.wait(running.counts)
        return time.perf_counter() - began

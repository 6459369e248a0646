"""Timing on a noisy machine: contestants take turns, and medians are compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """Repeated measurements of one thing."""

    values: tuple[float, ...]
    unit: str = "s"

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        return f"{self.median:.3g} {self.unit} ({low:.3g} … {high:.3g})"


@dataclass(frozen=True)
class Timing:
    """Wall time and CPU time, of all threads, of the same calls."""

    wall: Figure
    cpu: Figure

    @classmethod
    def of(cls, seconds: Sequence[tuple[float, float]]) -> Timing:
        """From pairs of wall and CPU time in s."""
        wall, cpu = (tuple(1e3 * each for each in column) for column in zip(*seconds, strict=True))
        return cls(Figure(wall, "ms"), Figure(cpu, "ms"))

    def __str__(self) -> str:
        threaded = self.cpu.median > 1.1 * self.wall.median
        return f"{self.wall}{f', CPU {self.cpu.median:.3g} ms' if threaded else ''}"


def interleaved(
    contestants: Mapping[str, Callable[[], Any]], repeats: int
) -> tuple[dict[str, Any], dict[str, Timing]]:
    """What each returns, from a first call that is not timed, and its times: A B C, A B C, ..."""
    results = {name: run() for name, run in contestants.items()}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, run in contestants.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return results, {name: Timing.of(pairs) for name, pairs in seconds.items()}

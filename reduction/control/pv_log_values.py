"""Values of logs that the IOC sends to the ranks: of process variables that filters slice by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_VALUES_IN_MESSAGE = 100_000
"""Most values in one message, which is then 1.6 MB."""


@dataclass(frozen=True, eq=False)
class PvLogValues:
    """Values of one log.

    From each of ``times_ns`` (n,) int64, ns since the Unix epoch, the log has the value of the same
    index in ``values`` (n,) float64. Raises ValueError for other shapes and types.
    """

    name: str
    times_ns: NDArray[np.int64]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        times_ns, values = self.times_ns, self.values
        if times_ns.dtype != np.int64 or values.dtype != np.float64:
            raise ValueError(f"log {self.name}: {times_ns.dtype} times, {values.dtype} values")
        if times_ns.ndim != 1 or times_ns.shape != values.shape:
            raise ValueError(f"log {self.name}: {times_ns.shape} times, {values.shape} values")

    @classmethod
    def one(cls, name: str, time_ns: int, value: float) -> PvLogValues:
        """A single value."""
        return cls(name, np.array([time_ns], np.int64), np.array([value], np.float64))

    @property
    def finite(self) -> PvLogValues:
        """The values that are finite numbers."""
        good = np.isfinite(self.values)
        return (
            self if good.all() else PvLogValues(self.name, self.times_ns[good], self.values[good])
        )


def messages_of(
    logs: Iterable[PvLogValues], most: int = MOST_VALUES_IN_MESSAGE
) -> Iterator[tuple[PvLogValues, ...]]:
    """The values of ``logs`` in their order, in groups of at most ``most`` values.

    One group goes into one message. All groups but the last have ``most`` values.
    """
    group: list[PvLogValues] = []
    room = most
    for log in logs:
        start = 0
        while start < log.values.size:
            part = slice(start, start + room)
            group.append(PvLogValues(log.name, log.times_ns[part], log.values[part]))
            start, room = start + group[-1].values.size, room - group[-1].values.size
            if room == 0:
                yield tuple(group)
                group, room = [], most
    if group:
        yield tuple(group)

"""The message of each rank to all others at a tick, and the values that follow from all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from reduction.stream.dialect import Dialect


@dataclass(frozen=True)
class Tick:
    """What one rank tells the others at a tick; times are pulse times, ns since the Unix epoch.

    - ``reached_ns``, ``reached_number``: the last pulse that is complete in all its partitions
    - ``complete_from_ns``: from this time on it has received every pulse completely
    - ``newest_ns``: the latest pulse of which it has received anything
    - ``unread_ns``: the same as ``reached_ns`` of the partitions that are not read to their ends
    - ``aged_ns``: the newest pulse that it has seen for the grace time, in a stream without marks
    - ``marked``, ``plain``: whether messages have shown that the stream has marks, or has none
    - ``at_end``: whether it has been at the end of all its event logs since the tick before, and no
      mark waits there to be believed
    - ``run_messages``: how many messages about runs of the facility it has read
    - ``revision``: the order that is to be obeyed now
    - ``stopping``: whether it was told to stop
    - ``preset_reached``: whether the counts have reached their preset
    - ``logs``: how many log values it has received from the IOC

    Only rank 0 hears the IOC and has the results: of the other ranks the fields from ``revision``
    on mean nothing.
    """

    reached_ns: int
    reached_number: int
    complete_from_ns: int
    newest_ns: int
    unread_ns: int
    aged_ns: int
    marked: bool
    plain: bool
    stopping: bool
    at_end: bool
    run_messages: int
    revision: int
    preset_reached: bool
    logs: int

    def vector(self) -> NDArray[np.int64]:
        """The fields in their order, (14,) int64."""
        return np.array(list(vars(self).values()), np.int64)

    @classmethod
    def of(cls, row: NDArray[np.int64]) -> Self:
        """The tick whose `vector` is ``row``, (14,)."""
        return cls(*row.tolist())


@dataclass(frozen=True)
class Ticks:
    """The ticks of all ranks, rank 0 first."""

    of_ranks: tuple[Tick, ...]

    @classmethod
    def of(cls, rows: NDArray[np.int64]) -> Self:
        """The ticks whose vectors are ``rows``, (ranks, 14)."""
        return cls(tuple(Tick.of(row) for row in rows))

    @property
    def of_rank_0(self) -> Tick:
        """The tick of the rank that hears the IOC."""
        return self.of_ranks[0]

    @property
    def slowest(self) -> Tick:
        """The tick of the rank that has come least far: all ranks have the pulses up to there."""
        return min(self.of_ranks, key=lambda tick: tick.reached_ns)

    @property
    def plain_until_ns(self) -> int:
        """The time up to which all pulses are complete, in a stream without marks.

        In each partition a later pulse was seen; or all that has come is read, and the pulse was
        seen in some partition for the grace time.
        """
        aged_ns = max(tick.aged_ns for tick in self.of_ranks)
        unread_ns = min(tick.unread_ns for tick in self.of_ranks)
        return max(self.slowest.reached_ns, min(aged_ns, unread_ns))

    @property
    def dialect(self) -> Dialect:
        """The dialect that the messages of all ranks show."""
        if any(tick.marked for tick in self.of_ranks):
            return Dialect.MARKED
        return Dialect.PLAIN if any(tick.plain for tick in self.of_ranks) else Dialect.AUTO

    @property
    def complete_from_ns(self) -> int:
        """The pulse time from which on all ranks have received all of each pulse."""
        return max(tick.complete_from_ns for tick in self.of_ranks)

    @property
    def newest_ns(self) -> int:
        """The latest pulse of which any rank has received anything."""
        return max(tick.newest_ns for tick in self.of_ranks)

    @property
    def at_end(self) -> bool:
        """Whether all ranks have been at the end of the event log since the tick before."""
        return all(tick.at_end for tick in self.of_ranks)

    @property
    def any_run_messages(self) -> bool:
        """Whether any rank has read messages about runs of the facility."""
        return any(tick.run_messages for tick in self.of_ranks)

    @property
    def stopping(self) -> bool:
        """Whether any rank was told to stop."""
        return any(tick.stopping for tick in self.of_ranks)

"""The message of each rank to all others when a result is due, and figures summed over ranks."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from reduction.ranks.counting.pipeline import Pipeline
from reduction.ranks.intake.receiver import StreamReceiver
from reduction.stream.faults import Faults


@dataclass(frozen=True)
class RankFigures:
    """Figures of a rank that add up over ranks; ``unaccounted`` is as in a report.

    ``log_behind`` are the messages of the event log that are not read yet, ``log_dropped`` those
    that had left it before they were read.
    """

    received: int
    filtered: int
    retained: int
    folded: int
    resident_bytes: int
    unaccounted: int
    log_behind: int
    log_dropped: int
    faults: Faults

    @classmethod
    def now(cls, pipeline: Pipeline, receiver: StreamReceiver, unaccounted: int) -> Self:
        """The figures of this rank at present."""
        return cls(
            received=pipeline.received,
            filtered=pipeline.filtered,
            retained=pipeline.engine.retained,
            folded=pipeline.engine.folded,
            resident_bytes=_resident_bytes(),
            unaccounted=unaccounted,
            log_behind=receiver.behind.messages,
            log_dropped=receiver.dropped,
            faults=receiver.intake.faults,
        )

    def numbers(self) -> list[int]:
        """The figures in their order, those of the faults last."""
        *figures, faults = vars(self).values()
        return [*figures, *vars(faults).values()]

    @classmethod
    def of(cls, numbers: Sequence[int]) -> Self:
        """The figures whose `numbers` these are."""
        received, filtered, retained, folded, resident_bytes, *rest = numbers
        unaccounted, log_behind, log_dropped, *faults = rest
        figures = received, filtered, retained, folded, resident_bytes
        return cls(*figures, unaccounted, log_behind, log_dropped, Faults(*faults))

    @classmethod
    def total(cls, figures: Iterable[RankFigures]) -> Self:
        """The sum over ranks."""
        columns = zip(*(each.numbers() for each in figures), strict=True)
        return cls.of([sum(column) for column in columns])


FIGURES = len(dataclasses.fields(RankFigures)) - 1 + len(dataclasses.fields(Faults))
"""How many numbers the figures are."""


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class ResultTick:
    """What one rank tells the others when a result is due.

    - ``caught_up``: whether its engine has histogrammed all events
    - ``incomplete_pulses``: of how many pulses it knows that something is missing
    - ``has_message``: whether it has something to say
    - ``views_ready``: whether it has counted all events in its views, too
    - ``figures``: its figures
    - ``displaced``: for each reduction the number of displaced events, which may be counted one
      bin away
    """

    caught_up: bool
    incomplete_pulses: int
    has_message: bool
    views_ready: bool
    figures: RankFigures
    displaced: tuple[int, ...]

    def vector(self) -> NDArray[np.int64]:
        """All numbers, (4 + `FIGURES` + reductions,) int64."""
        head = self.caught_up, self.incomplete_pulses, self.has_message, self.views_ready
        return np.array([*head, *self.figures.numbers(), *self.displaced], np.int64)

    @classmethod
    def of(cls, row: NDArray[np.int64]) -> Self:
        """The tick whose `vector` is ``row``."""
        caught_up, incomplete, has_message, views_ready, *rest = row.tolist()
        figures, displaced = RankFigures.of(rest[:FIGURES]), tuple(rest[FIGURES:])
        flags = bool(has_message), bool(views_ready)
        return cls(bool(caught_up), incomplete, *flags, figures, displaced)


@dataclass(frozen=True)
class ResultTicks:
    """The result ticks of all ranks, rank 0 first."""

    of_ranks: tuple[ResultTick, ...]

    @classmethod
    def of(cls, rows: NDArray[np.int64]) -> Self:
        """The ticks whose vectors are ``rows``, (ranks, k)."""
        return cls(tuple(ResultTick.of(row) for row in rows))

    @property
    def caught_up(self) -> bool:
        """Whether the engines of all ranks have histogrammed all events."""
        return all(tick.caught_up for tick in self.of_ranks)

    @property
    def views_ready(self) -> bool:
        """Whether the views of all ranks have all events."""
        return all(tick.views_ready for tick in self.of_ranks)

    @property
    def incomplete_pulses(self) -> tuple[int, ...]:
        """For each rank, of how many pulses it knows that something is missing."""
        return tuple(tick.incomplete_pulses for tick in self.of_ranks)

    @property
    def any_message(self) -> bool:
        """Whether the engine of any rank has something to say."""
        return any(tick.has_message for tick in self.of_ranks)

    @property
    def figures(self) -> RankFigures:
        """The figures, summed over ranks."""
        return RankFigures.total(tick.figures for tick in self.of_ranks)

    @property
    def displaced(self) -> list[int]:
        """The number of displaced events of each reduction, summed over ranks."""
        return [sum(each) for each in zip(*(tick.displaced for tick in self.of_ranks), strict=True)]

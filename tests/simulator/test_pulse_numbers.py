"""The numbers of the pulses of a source that starts on a log which holds pulses."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from reduction.stream.dialect import Dialect
from simulator.output.habits import Habit
from tests.support.stream.stream_bench import SMALL, Bench, assert_events_are, chunks_of, marks_of


@pytest.mark.parametrize(("first_pulse", "number"), [(0, 4), (3, 4), (4, 4), (90, 90)])
def test_a_source_that_starts_on_a_log_with_pulses_counts_on(
    tmp_path: Path, first_pulse: int, number: int
) -> None:
    with closing(Bench(tmp_path / "log")) as bench:
        former = bench.stream(partitions=2)
        bench.pulses(former, 4)
        former.close()
        bench.kept.remove(former)
        readers = bench.readers(2)
        for reader in readers:
            reader.log.seek_to_end()
            reader.messages()
        stream = bench.stream(partitions=2, first_pulse=first_pulse)
        assert stream.status.pulse == 3  # the last one that was made
        bench.pulses(stream, 2)
        found = [reader.messages() for reader in readers]
    assert [mark[2][0] for mark in marks_of(found[0])] == [number, number + 1]
    received = [chunks_of(each) for each in found]
    in_order = [received[k % 2][k // 2] for k in range(sum(map(len, received)))]
    assert_events_are(in_order, SMALL, [number, number + 1])


@pytest.mark.parametrize(
    ("habits", "number"),
    [(frozenset[Habit](), 5), (frozenset([Habit.QUIET_PULSES]), 5), (frozenset(Habit), 5)],
    ids=["plain", "quiet", "all habits"],
)
def test_without_marks_no_number_is_used_twice(
    tmp_path: Path, habits: frozenset[Habit], number: int
) -> None:
    with closing(Bench(tmp_path / "log")) as bench:
        former = bench.stream(partitions=2, dialect=Dialect.PLAIN, habits=habits)
        bench.pulses(former, 5)  # of which 0 and 3 may be quiet
        former.close()
        bench.kept.remove(former)
        stream = bench.stream(partitions=2, dialect=Dialect.PLAIN, habits=habits)
        bench.pulses(stream, 1)
        assert stream.status.pulse == number

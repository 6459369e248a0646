"""Values of a log that come many at once are noted as if they had come one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reduction.stream.log_values.logs import Log, Logs

PAIRS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from([0.0, 1.0, 2.0])), max_size=40)
TIMES_NS = np.arange(-1, 32)


def arrays(pairs: list[tuple[int, float]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    times_ns = np.array([time_ns for time_ns, _ in pairs], np.int64)
    return times_ns, np.array([value for _, value in pairs], np.float64)


@pytest.mark.parametrize("few", [0, 10])
@given(first=PAIRS, second=PAIRS, sort=st.booleans())
def test_many_values_are_noted_as_one_by_one(
    few: int, first: list[tuple[int, float]], second: list[tuple[int, float]], sort: bool
) -> None:
    if sort:
        second = sorted(dict(second).items())
    single, many = Log(), Log(few)
    for pair in first:
        single.add(*pair)
    many.extend(*arrays(first))
    before = single.at(TIMES_NS)
    for pair in second:
        single.add(*pair)
    changed_ns = many.extend(*arrays(second))
    np.testing.assert_array_equal(many.at(TIMES_NS), single.at(TIMES_NS))
    assert many.times_ns.tolist() == single.times_ns.tolist()
    assert many.values.tolist() == single.values.tolist()
    differs = TIMES_NS[~((before == many.at(TIMES_NS)) | np.isnan(many.at(TIMES_NS)))]
    if differs.size:
        assert changed_ns is not None
        assert changed_ns <= differs[0]


def test_logs_tell_from_when_many_values_have_changed_them() -> None:
    logs = Logs()
    times_ns = np.arange(1000)
    logs.extend("T", times_ns, times_ns / 2)
    logs.extend("U", times_ns[:0], np.zeros(0))
    assert logs.changed() == {"T": 0}
    logs.extend("T", times_ns, times_ns / 2)
    assert logs.changed() == {}
    logs.extend("T", times_ns[500:], np.full(500, 7.0))
    assert logs.changed() == {"T": 500}
    logs.forget(900)
    assert len(logs) == 100


def test_every_second_value_of_the_older_half_goes() -> None:
    log = Log()
    log.extend(np.arange(8), np.arange(8.0))
    log.thin()
    assert log.times_ns.tolist() == log.values.tolist() == [0, 2, 4, 5, 6, 7]

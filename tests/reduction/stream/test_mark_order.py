"""Which marks are believed, when they are read long after they were written."""

from __future__ import annotations

from reduction.stream.marked.mark_order import MarkOrder, PulseMark
from reduction.stream.times_in_doubt import CONFIRMING, WAIT_NS

START_NS = 1_800_000_000_000_000_000
PERIOD_NS = 71_428_571
PAUSE_NS = 60_000_000_000


class Clock:
    """A clock that the test holds, hours after the marks."""

    def __init__(self) -> None:
        self.now_ns = START_NS + 3600 * 10**9

    def __call__(self) -> int:
        return self.now_ns


def mark(number: int, after_ns: int = 0) -> PulseMark:
    return PulseMark(START_NS + number * PERIOD_NS + after_ns, number, number)


def numbers(marks: object) -> list[int]:
    assert isinstance(marks, tuple)
    return [each.number for each in marks]


def test_marks_after_a_pause_of_the_source_are_in_doubt_until_enough_of_them_follow() -> None:
    order = MarkOrder(Clock())
    for number in range(5):
        assert numbers(order.take(mark(number)).believed) == [number]
    assert not order.in_doubt
    believed = [order.take(mark(number, PAUSE_NS)).believed for number in range(5, 9)]
    assert [numbers(tuple(each)) for each in believed] == [[], [], [5, 6, 7], [8]]
    assert CONFIRMING == 3
    assert not order.in_doubt


def test_the_last_marks_of_a_log_are_in_doubt_until_nothing_has_contradicted_them() -> None:
    order = MarkOrder(clock := Clock())
    for number in range(5):
        order.take(mark(number))
    order.take(mark(5, PAUSE_NS))
    assert order.in_doubt
    assert numbers(tuple(order.waited().believed)) == []
    clock.now_ns += WAIT_NS
    assert numbers(tuple(order.waited().believed)) == [5]
    assert not order.in_doubt


def test_marks_that_go_back_are_never_believed_and_not_waited_for() -> None:
    order = MarkOrder(Clock())
    for number in range(5):
        order.take(mark(number))
    order.take(mark(1))
    assert not order.in_doubt

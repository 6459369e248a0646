"""The rate of messages."""

from __future__ import annotations

from web.sockets.message_rate import MessageRate


def test_a_burst_is_free_and_then_messages_wait() -> None:
    now = [0.0]
    rate = MessageRate(2.0, 3, lambda: now[0])
    assert [rate.wait_s() for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    now[0] = 1.0
    assert rate.wait_s() == 0.5


def test_a_pause_gives_no_more_than_a_burst() -> None:
    now = [0.0]
    rate = MessageRate(2.0, 3, lambda: now[0])
    now[0] = 1000.0
    assert [rate.wait_s() > 0 for _ in range(4)] == [False, False, False, True]

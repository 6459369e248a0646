"""Which of several peers is in force, by a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from reduction.control.hello import own_hello
from reduction.control.orders import RANKS_PART
from reduction.control.peers import LONGEST_GAP_S, Peers

FIRST, SECOND = b"first", b"second"
HELLO = own_hello(RANKS_PART)
PATIENCE_S = 4.0


@dataclass
class Clock:
    """A clock that stands until it is set."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def passes(self, seconds: float) -> Iterator[float]:
        """Let time pass, a second at a time."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(self.now_s + 1, end_s)
            yield self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def peers(clock: Clock) -> Peers:
    """The first peer is in force."""
    made = Peers(RANKS_PART, PATIENCE_S, clock)
    made.take(FIRST, HELLO)
    return made


def test_a_peer_that_is_silent_loses_its_place(clock: Clock, peers: Peers) -> None:
    for _ in clock.passes(PATIENCE_S):
        peers.look()
    assert "has to wait" in str(peers.refusal(SECOND, HELLO))
    clock.now_s += 1
    assert peers.refusal(SECOND, HELLO) is None


@pytest.mark.parametrize("stopped_s", [LONGEST_GAP_S + 1, 10, 3600])
@pytest.mark.parametrize("looks_first", [True, False])
def test_the_time_for_which_this_process_was_stopped_is_no_silence_of_its_peer(
    clock: Clock, peers: Peers, stopped_s: float, looks_first: bool
) -> None:
    clock.now_s += 1
    peers.look()
    clock.now_s += stopped_s
    if looks_first:
        peers.look()
    assert "has to wait" in str(peers.refusal(SECOND, HELLO))
    assert peers.refusal(FIRST, HELLO) is None


def test_a_peer_that_was_silent_before_and_after_a_stop_loses_its_place(
    clock: Clock, peers: Peers
) -> None:
    clock.now_s += 100
    assert peers.refusal(SECOND, HELLO)
    for _ in clock.passes(PATIENCE_S):
        assert peers.refusal(SECOND, HELLO)
    clock.now_s += 1
    assert peers.refusal(SECOND, HELLO) is None


def test_a_peer_that_works_may_be_silent_for_longer_also_if_this_process_is_stopped(
    clock: Clock, peers: Peers
) -> None:
    peers.take(FIRST, HELLO, 60)
    clock.now_s += 100
    peers.look()
    for _ in clock.passes(60):
        assert peers.refusal(SECOND, HELLO)
    clock.now_s += 1
    assert peers.refusal(SECOND, HELLO) is None

"""Sending to many clients holds up no put, and clients share a round of the event loop."""

from __future__ import annotations

import asyncio

import pytest

from ioc.ca.sending_turns import LONGEST_S, ROUNDS, SendingTurns


class Events:
    """What happened, in order, at times that pass only by work."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.now_s = 5.0
        self.turns = SendingTurns(lambda: self.now_s)

    async def pack(self, name: str, seconds: float) -> None:
        """Pack what a client is sent, which takes so long."""
        await self.turns.next()
        self.now_s += seconds
        self.seen.append(name)

    async def rounds(self, most: int) -> None:
        """Count the rounds of the event loop."""
        for _ in range(most):
            await asyncio.sleep(0)
            self.now_s += 1e-6
            self.seen.append("|")


async def sent(seconds: float) -> list[str]:
    """The clients that were sent something in each round, if it takes so long for one."""
    events = Events()
    clients = [events.pack(name, seconds) for name in "abcdefgh"]
    await asyncio.gather(events.rounds(20), *clients)
    return [each for each in "".join(events.seen).split("|") if each]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (LONGEST_S / 100, ["abcdefgh"]),
        (0.4 * LONGEST_S, ["abc", "def", "gh"]),
        (2 * LONGEST_S, [*"abcdefgh"]),
    ],
)
async def test_clients_share_a_round_until_its_time_is_up_and_keep_their_order(
    seconds: float, expected: list[str]
) -> None:
    assert await sent(seconds) == expected


async def test_clients_wait_while_a_put_is_in_progress_but_not_for_ever() -> None:
    events = Events()
    events.turns.puts = 1
    await asyncio.gather(events.rounds(ROUNDS + 5), events.pack("a", 0.0))
    assert events.seen.index("a") >= ROUNDS
    events = Events()
    events.turns.puts = 1

    async def put() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        events.seen.append("put")
        events.turns.puts = 0

    await asyncio.gather(put(), *(events.pack(name, LONGEST_S) for name in "abc"))
    assert events.seen == ["put", *"abc"]

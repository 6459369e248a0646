"""Sending to many clients holds up no put."""

from __future__ import annotations

import asyncio

from ioc.ca.serving.sending_turns import ROUNDS, SendingTurns


async def test_updates_to_clients_take_turns_with_puts() -> None:
    turns, order = SendingTurns(), list[str]()

    async def pack(name: str) -> None:
        await turns.next()
        order.append(name)

    async def put() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        order.append("put")

    await asyncio.gather(*map(pack, "abcdefgh"), put())
    assert "".join(order).startswith("a")
    assert order.index("put") < order.index("h")
    assert "".join(order).replace("put", "") == "abcdefgh"


async def test_clients_wait_while_a_put_is_in_progress_but_not_for_ever() -> None:
    turns, rounds = SendingTurns(), 0
    turns.puts = 1
    sending = asyncio.create_task(turns.next())
    while not sending.done():
        await asyncio.sleep(0)
        rounds += 1
    assert ROUNDS <= rounds <= 2 * ROUNDS

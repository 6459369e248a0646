"""``python -m benchmarks.many_clients.servers WHOSE ARRAYS ELEMENTS SCALARS RATE_HZ``: same values.

Arrays ``B:Y0`` ff. begin with the time when they were posted, in s, monotonic; scalars ``B:S0`` ff.
are that time. ``B:X`` does not change, and clients write ``B:Setpoint``. Served on loopback, at the
port of EPICS_CA_SERVER_PORT, until terminated.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import caproto
import numpy as np
from caproto.asyncio.server import Context
from numpy.typing import NDArray

from ioc.ca.channel import ClientPuts, channel
from ioc.ca.server import Server
from reduction.host.memory.garbage import search_new
from reduction.parameters.specs import Array, Float

PREFIX = "B:"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Work:
    """What is served: so many arrays of so many elements and so many scalars, at a rate."""

    arrays: int
    elements: int
    scalars: int
    rate_hz: float

    @property
    def array_names(self) -> list[str]:
        return [f"Y{number}" for number in range(self.arrays)]

    @property
    def scalar_names(self) -> list[str]:
        return [f"S{number}" for number in range(self.scalars)]

    @property
    def changing(self) -> list[str]:
        """Names, with the prefix, of what changes."""
        return [PREFIX + name for name in self.array_names + self.scalar_names]

    @property
    def still(self) -> list[str]:
        """The name, with the prefix, of the array that does not change, beside several that do."""
        return [PREFIX + "X"] if self.arrays > 1 else []

    @property
    def words(self) -> list[str]:
        """The command line that says this."""
        return [str(each) for each in (self.arrays, self.elements, self.scalars, self.rate_hz)]

    def news(self) -> Iterator[tuple[str, NDArray[np.float64] | float]]:
        """The next values, new arrays each time, by name without the prefix."""
        for name in self.array_names:
            counts = np.full(self.elements, 1.5)
            counts[0] = time.monotonic()
            yield name, counts
        for name in self.scalar_names:
            yield name, time.monotonic()


async def beat(work: Work, post: Callable[[str, Any], Awaitable[None]]) -> None:
    """Post news at the rate, or as fast as it goes."""
    due_s = time.monotonic()
    while True:
        for name, value in work.news():
            await post(name, value)
        due_s = max(due_s + 1 / work.rate_hz, time.monotonic())
        await asyncio.sleep(due_s - time.monotonic())


async def ours(work: Work) -> None:
    """The channels and the server of this program."""

    async def take(value: Any, _client: object) -> Any:
        return value

    empty, most = np.zeros(work.elements), work.elements
    channels = {
        name: channel(Array(pv=name, description="Counts"), empty, max_length=most)
        for name in ("X", *work.array_names)
    }
    channels |= {
        name: channel(Float(pv=name, description="Reading"), 0.0) for name in work.scalar_names
    }
    channels["Setpoint"] = channel(
        Float(pv="Setpoint", description="Setting"), 0.0, ClientPuts(take)
    )
    server = Server({PREFIX + name: each for name, each in channels.items()}, [LOOPBACK])

    async def post(name: str, value: Any) -> None:
        await channels[name].publish_value(value)

    search_new()  # as the program does once it has started
    await asyncio.gather(server.serve(), beat(work, post))


async def stock(work: Work) -> None:
    """The channels and the server of caproto."""
    arrays = ("X", *work.array_names)
    channels = {name: caproto.ChannelDouble(value=np.zeros(work.elements)) for name in arrays}
    scalars = (*work.scalar_names, "Setpoint")
    channels |= {name: caproto.ChannelDouble(value=0.0) for name in scalars}
    named = {PREFIX + name: each for name, each in channels.items()}

    async def post(name: str, value: Any) -> None:
        await channels[name].write(value)

    await asyncio.gather(Context(named, [LOOPBACK]).run(), beat(work, post))


def soft(work: Work) -> None:
    """The C IOC of EPICS Base, with records in Python."""
    from softioc import asyncio_dispatcher, builder, softioc  # loading it begins an IOC

    builder.SetDeviceName(PREFIX.rstrip(":"))
    records = {
        name: builder.WaveformIn(name, np.zeros(work.elements)) for name in ("X", *work.array_names)
    }
    records |= {name: builder.aIn(name) for name in work.scalar_names}
    builder.aOut("Setpoint")
    builder.LoadDatabase()
    dispatcher = asyncio_dispatcher.AsyncioDispatcher()
    softioc.iocInit(dispatcher, enable_pva=False)

    async def post(name: str, value: Any) -> None:
        records[name].set(value)

    asyncio.run_coroutine_threadsafe(beat(work, post), dispatcher.loop).result()


def main(whose: str, arrays: str, elements: str, scalars: str, rate_hz: str) -> None:
    """Serve what the command line asks for."""
    work = Work(int(arrays), int(elements), int(scalars), float(rate_hz))
    match whose:
        case "ours":
            asyncio.run(ours(work))
        case "caproto":
            asyncio.run(stock(work))
        case "softioc":
            soft(work)
        case _:
            raise SystemExit(f"{whose}: ours, caproto or softioc")


if __name__ == "__main__":
    main(*sys.argv[1:])

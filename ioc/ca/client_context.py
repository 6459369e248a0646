"""A client of Channel Access inside this process, closed without leaving tasks or sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from caproto.asyncio.client import Context

CLIENT_NAME = "live-reduction"
"""The user name that other IOCs are told."""


@contextlib.asynccontextmanager
async def client_context() -> AsyncIterator[Context]:
    """A new context of caproto's client, for a ``with`` block.

    After a lost connection use a new one: caproto's may keep some of the lost connection's state.
    """
    context = Context(client_name=CLIENT_NAME)
    try:
        yield context
    finally:
        await context.disconnect()
        await asyncio.sleep(0)  # the sockets are closed in the loop's next round

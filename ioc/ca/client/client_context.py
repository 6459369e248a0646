"""A client of Channel Access inside this process, closed without leaving tasks or sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from caproto.asyncio.client import Context

CLIENT_NAME = "live-reduction"
"""The user name that this program gives to other IOCs."""


@contextlib.asynccontextmanager
async def client_context() -> AsyncIterator[Context]:
    """A new context of caproto's client, for a ``with`` block.

    Use a new context after a lost connection: caproto's may keep state of the old one.
    """
    context = Context(client_name=CLIENT_NAME)
    try:
        yield context
    finally:
        await context.disconnect()
        await asyncio.sleep(0)  # the sockets are closed in the loop's next round

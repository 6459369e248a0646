"""Accepts connections of clients, as long as this process may open files for them."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import resource
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from ioc.ca.serving.bound_sockets import LISTEN_BACKLOG

log = logging.getLogger(__name__)

MOST_RESERVED_FILES = 64
"""Files that clients leave to this process: for its children, logs and files of results."""

NO_FILE_LEFT = (errno.EMFILE, errno.ENFILE)

RETRY_S = 0.2
"""Pause after a connection that cannot even be accepted to be closed."""

TOLD_FOR_S = 60.0
"""How long after a refusal it is told."""


def most_files() -> int:
    """The most files that this process may have open at present."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def reserved_files() -> int:
    """How many files clients leave to this process; fewer if it may have few."""
    return min(MOST_RESERVED_FILES, most_files() // 4)


def few_files_left() -> bool:
    """Whether this process may open few files besides those that are reserved.

    Many connections may come from one look to the next, so there must be as many again.
    """
    try:
        lowest_free = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return True
    os.close(lowest_free)
    return lowest_free >= most_files() - 2 * reserved_files()


class Connections:
    """Accepts connections, and closes those for which there are too few files left.

    Before that, ``make_room`` is to end a connection that nobody needs; it returns whether there
    was one. At the very limit a connection cannot be accepted, so it cannot be closed either, and
    its client waits. So there is a spare file, whose place such a connection takes for a moment.
    """

    def __init__(self, make_room: Callable[[], bool] = lambda: False) -> None:
        self._make_room = make_room
        self.refused = 0
        """How many connections were closed at once."""
        self._refused_s = -TOLD_FOR_S
        self._spare: int | None = os.open(os.devnull, os.O_RDONLY)

    @property
    def problem(self) -> str:
        """That clients are refused, in words; empty if none was for a while."""
        if time.monotonic() - self._refused_s >= TOLD_FOR_S:
            return ""
        return (
            f"{self.refused} clients were refused: {most_files()} files are the limit (ulimit -n)"
        )

    async def accept(self, listening: socket.socket) -> socket.socket:
        """The connection of the next client that is not refused."""
        loop = asyncio.get_running_loop()
        listening.listen(LISTEN_BACKLOG)
        listening.setblocking(False)
        while True:
            await asyncio.sleep(0)  # clients that are refused all the time must not stop the loop
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:
                if error.errno in NO_FILE_LEFT and self._make_room():
                    continue
                if error.errno in NO_FILE_LEFT:
                    self._refuse_at_limit(listening)
                await asyncio.sleep(RETRY_S)
                continue
            if accepted := await self._with_files_left(connection):
                with suppress(OSError):  # the client has gone already
                    _set_options(accepted)
                return accepted

    async def _with_files_left(self, connection: socket.socket) -> socket.socket | None:
        """A new connection if there are enough files left, or room was made; else it is refused.

        The system gives each new file the lowest number that is free. So a connection for which
        room was made is moved there: else the next one would be taken for one with room.
        """
        if connection.fileno() < most_files() - reserved_files():
            return connection
        if self._make_room():
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # now what was ended is closed
            moved = connection.dup()
            if moved.fileno() < most_files() - reserved_files():
                connection.close()
                return moved
            moved.close()
        self._refuse(connection)
        return None

    def close(self) -> None:
        """Close the spare file."""
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def _refuse_at_limit(self, listening: socket.socket) -> None:
        """Close the connections that wait, one after the other, in the place of the spare file."""
        self.close()
        with suppress(OSError):  # no connection waits any more, or another thread took the place
            while True:
                self._refuse(listening.accept()[0])
        with suppress(OSError):
            self._spare = os.open(os.devnull, os.O_RDONLY)

    def _refuse(self, connection: socket.socket) -> None:
        connection.close()
        self.refused += 1
        self._refused_s = time.monotonic()
        if self.refused.bit_count() == 1:  # the 1st, 2nd, 4th, 8th, …
            log.warning("%s", self.problem)


def _set_options(connection: socket.socket) -> None:
    """Have small messages sent at once, and a client noticed, if late, whose host is gone.

    asyncio sets TCP_NODELAY only on sockets made with IPPROTO_TCP; caproto's are not. Without it a
    second small message waits 40 ms for the client's acknowledgement.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

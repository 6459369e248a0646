"""ZeroMQ sockets bound or connected to endpoints; an OSError names an endpoint that fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import zmq


def bind(socket: zmq.Socket[Any], endpoint: str) -> None:
    """Bind a socket to an endpoint; raises OSError."""
    _joined(socket.bind, endpoint)


def connect(socket: zmq.Socket[Any], endpoint: str) -> None:
    """Connect a socket to an endpoint, which need not be bound yet; raises OSError."""
    _joined(socket.connect, endpoint)


def _joined(join: Callable[[str], object], endpoint: str) -> None:
    try:
        join(endpoint)
    except zmq.ZMQError as error:
        why = zmq.strerror(error.errno or 0)
        raise OSError(error.errno, f"endpoint {endpoint}: {why}") from None

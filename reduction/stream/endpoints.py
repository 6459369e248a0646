"""Sockets at the endpoints that they are told; one that cannot be is an OSError with its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import zmq


def bind(socket: zmq.Socket[Any], endpoint: str) -> None:
    """Have a socket wait at an endpoint; raises OSError."""
    _at(socket.bind, endpoint)


def connect(socket: zmq.Socket[Any], endpoint: str) -> None:
    """Have a socket look for an endpoint, which need not be there yet; raises OSError."""
    _at(socket.connect, endpoint)


def _at(join: Callable[[str], object], endpoint: str) -> None:
    try:
        join(endpoint)
    except zmq.ZMQError as error:
        why = zmq.strerror(error.errno or 0)
        raise OSError(error.errno, f"endpoint {endpoint}: {why}") from None

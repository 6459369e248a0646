"""ZeroMQ sockets bound or connected to endpoints; an OSError names an endpoint that fails."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import zmq

from reduction.host.network.key_file import Key

LOCAL = "ipc://"
"""Such an endpoint is a file, which only the user has access to who runs the program."""


def bind(socket: zmq.Socket[Any], endpoint: str, key: Key | None = None) -> None:
    """Bind a socket to an endpoint, for peers that have the key if there is one; raises OSError.

    A peer has to know the public key, which is never sent and is in no file but that of the secret
    one. Endpoints that are files need no key.
    """
    if key is not None and not endpoint.startswith(LOCAL):
        socket.curve_server = True
        socket.curve_secretkey = key.secret
    _joined(socket.bind, endpoint)


def connect(socket: zmq.Socket[Any], endpoint: str, key: Key | None = None) -> None:
    """Connect a socket to an endpoint, which need not be bound yet; raises OSError."""
    if key is not None and not endpoint.startswith(LOCAL):
        socket.curve_serverkey = key.public
        socket.curve_publickey = key.public
        socket.curve_secretkey = key.secret
    _joined(socket.connect, endpoint)


def _joined(join: Callable[[str], object], endpoint: str) -> None:
    try:
        join(endpoint)
    except zmq.ZMQError as error:
        why = zmq.strerror(error.errno or 0)
        raise OSError(error.errno, f"endpoint {endpoint}: {why}") from None


class HandshakeWatch:
    """Counts the peers of a socket that could not connect: they have another key, or none."""

    FAILURES = (
        zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
        | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    )

    def __init__(self, socket: zmq.Socket[Any]) -> None:
        self._socket = socket
        place = f"inproc://handshakes-{secrets.token_hex(8)}"
        socket.monitor(place, self.FAILURES)
        context: zmq.Context[Any] = zmq.Context.shadow(socket.context)
        self._events: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self._events.setsockopt(zmq.LINGER, 0)
        self._events.connect(place)
        self._failed = 0

    @property
    def failed(self) -> int:
        """How many have failed so far."""
        while self._events.poll(0):
            self._events.recv_multipart()
            self._failed += 1
        return self._failed

    def close(self) -> None:
        """Count no more; before the socket is closed."""
        self._socket.disable_monitor()
        self._events.close()

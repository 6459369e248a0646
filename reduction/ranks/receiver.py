"""The messages of a rank's partitions, from its sockets to its pulse assembler."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import zmq

from reduction.stream.pulse_assembler import PulseAssembler

MESSAGES_AT_ONCE = 64
"""Messages taken from a partition before the others have their turn."""


class StreamReceiver:
    """Takes messages from sockets, one for each partition by its number, to ``intake``."""

    def __init__(self, sockets: Mapping[int, zmq.Socket[Any]], intake: PulseAssembler) -> None:
        self.intake = intake
        self._sockets = sockets
        self._poller = zmq.Poller()
        for socket in sockets.values():
            self._poller.register(socket, zmq.POLLIN)

    def take(self, wait_s: float) -> None:
        """Wait for messages at most ``wait_s``, and take what has come, in turns."""
        ready = dict(self._poller.poll(math.ceil(wait_s * 1000)))
        for partition, socket in self._sockets.items():
            if socket in ready:
                self._take_from(partition, socket)

    def _take_from(self, partition: int, socket: zmq.Socket[Any]) -> None:
        try:
            for _ in range(MESSAGES_AT_ONCE):
                self.intake.take(partition, socket.recv(zmq.DONTWAIT))
        except zmq.Again:
            return

"""Messages on their way to receivers: a bounded queue and a socket for each partition.

Nothing here blocks. What a receiver does not take waits. Once more waits than memory allows, chunks
of events are dropped and counted. So a slow receiver loses a known amount of data, and memory stays
bounded.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import zmq

from reduction.stream.endpoints import bind
from reduction.stream.messages import partition_endpoint

log = logging.getLogger(__name__)

SEND_LIMIT_MESSAGES = 8
"""Messages that ZeroMQ may hold for a receiver; others wait here, where they can be counted."""

MARKS_LIMIT = 5_000
"""Complete pulses that may wait in a partition; beyond that the oldest are dropped."""


@dataclass(frozen=True)
class Message:
    """Encoded bytes; ``events`` is the number of events of a chunk, None if it is no chunk."""

    data: bytes
    events: int | None = None
    ends_pulse: bool = False


class PartitionQueue:
    """The queue and PUSH socket of one partition, in the order of the messages."""

    def __init__(self, context: zmq.Context[Any], endpoint: str) -> None:
        self.socket = context.socket(zmq.PUSH)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, SEND_LIMIT_MESSAGES)
        bind(self.socket, endpoint)
        self.waiting: deque[Message] = deque()
        self.bytes_waiting = 0
        self.chunks_waiting = 0
        self.marks_waiting = 0

    def append(self, message: Message) -> None:
        self.waiting.append(message)
        self._count(message, 1)

    def pop(self) -> Message:
        """Take the newest message back."""
        message = self.waiting.pop()
        self._count(message, -1)
        return message

    def popleft(self) -> Message:
        message = self.waiting.popleft()
        self._count(message, -1)
        return message

    def send(self) -> int:
        """Send what the receiver takes now; the number of events sent."""
        events = 0
        while self.waiting:
            try:
                self.socket.send(self.waiting[0].data, zmq.DONTWAIT)
            except zmq.Again:
                break
            events += self.popleft().events or 0
        return events

    def _count(self, message: Message, sign: int) -> None:
        self.bytes_waiting += sign * len(message.data)
        self.chunks_waiting += sign * (message.events is not None)
        self.marks_waiting += sign * message.ends_pulse


class Outbox:
    """The queues of all partitions of a stream, and counts of what was sent and dropped.

    Raises ``zmq.ZMQError`` if a socket cannot be bound; whoever has the context destroys the other
    sockets. ``pulses_dropped`` counts a pulse once for each partition that dropped it.
    """

    def __init__(
        self, context: zmq.Context[Any], endpoint: str, partitions: int, limit_bytes: int
    ) -> None:
        self._limit_bytes = limit_bytes
        self._partitions = [
            PartitionQueue(context, partition_endpoint(endpoint, each))
            for each in range(partitions)
        ]
        self.events_sent = 0
        self.events_dropped = 0
        self.chunks_dropped = 0
        self.pulses_dropped = 0

    @property
    def chunks_waiting(self) -> int:
        return sum(each.chunks_waiting for each in self._partitions)

    @property
    def bytes_waiting(self) -> int:
        return sum(each.bytes_waiting for each in self._partitions)

    @property
    def blocked(self) -> list[zmq.Socket[bytes]]:
        """Sockets that had no room for what waits."""
        return [each.socket for each in self._partitions if each.waiting]

    def put(self, partition: int, message: Message) -> None:
        """Send ``message`` after those that wait, or keep it, or drop a chunk beyond the limit."""
        queue = self._partitions[partition]
        queue.append(message)
        self.events_sent += queue.send()
        if message.events is not None and queue.waiting and self.bytes_waiting > self._limit_bytes:
            self._drop(queue.pop())
        if queue.marks_waiting > MARKS_LIMIT:
            self._drop_oldest_pulse(queue)

    def send(self) -> None:
        """Send what receivers take now."""
        for each in self._partitions:
            self.events_sent += each.send()

    def close(self, patience_s: float) -> None:
        """Close the sockets, after receivers had up to ``patience_s`` to take what waits.

        If none takes anything for a quarter of that time, nobody is there to wait for.
        """
        deadline = time.monotonic() + patience_s
        while self.blocked and time.monotonic() < deadline:
            poller = zmq.Poller()
            for socket in self.blocked:
                poller.register(socket, zmq.POLLOUT)
            if not poller.poll(int(patience_s * 250)):
                break
            self.send()
        for each in self._partitions:
            each.socket.close(linger=max(0, round((deadline - time.monotonic()) * 1000)))

    def _drop_oldest_pulse(self, queue: PartitionQueue) -> None:
        if not self.pulses_dropped:
            log.warning("%d pulses wait and nobody takes them: dropping the oldest", MARKS_LIMIT)
        self.pulses_dropped += 1
        while not (message := queue.popleft()).ends_pulse:
            if message.events is not None:
                self._drop(message)

    def _drop(self, message: Message) -> None:
        self.chunks_dropped += 1
        self.events_dropped += message.events or 0

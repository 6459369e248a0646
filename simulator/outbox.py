"""Messages on their way to the receivers: one bounded queue and one socket per partition.

Nothing here blocks. What a receiver does not take waits; once more waits than memory allows, whole
chunks of events are dropped and counted, so a slow receiver costs data that is known, never memory.
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
"""Messages that ZeroMQ may hold per receiver; the rest wait here, where they can be counted."""

MARKS_LIMIT = 5_000
"""Complete pulses that may wait in a partition; when nobody comes, the oldest go first."""


@dataclass(frozen=True)
class Message:
    """Encoded bytes; ``events`` is how many a chunk holds, None if it is no chunk."""

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
        """Hand over what the receiver takes now; returns how many events that were."""
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
    """All partitions of a stream, and what became of the events.

    A socket that cannot be bound raises ``zmq.ZMQError``; the context's owner destroys the others.
    ``pulses_dropped`` counts in each partition by itself.
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
        """Sockets to be watched for room."""
        return [each.socket for each in self._partitions if each.waiting]

    def put(self, partition: int, message: Message) -> None:
        """Send ``message`` after those before it, or keep it; drop a chunk beyond the limit."""
        queue = self._partitions[partition]
        queue.append(message)
        self.events_sent += queue.send()
        if message.events is not None and queue.waiting and self.bytes_waiting > self._limit_bytes:
            self._drop(queue.pop())
        if queue.marks_waiting > MARKS_LIMIT:
            self._drop_oldest_pulse(queue)

    def send(self) -> None:
        """Hand over whatever goes."""
        for each in self._partitions:
            self.events_sent += each.send()

    def close(self, patience_s: float) -> None:
        """Close the sockets after giving the receivers ``patience_s`` to take what waits.

        When none takes anything for a quarter of it, there is nobody to wait for.
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

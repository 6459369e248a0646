"""Sends messages to Kafka in order; those that do not fit into the queue of the library wait."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

log = logging.getLogger(__name__)

LAST_MESSAGES_S = 5.0
"""The end waits for brokers as long as they take a message in this time."""

LONGEST_END_S = 60.0
"""The end never waits longer than this."""

FULL_TOLD_S = 1.0
"""After this time it is told that messages wait."""

TROUBLE_OVER_S = 5.0
"""Trouble is over once all messages are taken, and none was refused for this time."""

FLUSH_STEP_S = 0.05

SOURCE_WAITS = "brokers do not take messages as fast as they come: the source waits"

ENDED = "the source has ended before brokers took it"


class EventProducer(Protocol):
    """Sends messages without waiting, as `reduction.kafka.client.MessageProducer`."""

    def send(self, topic: str, partition: int, time_ns: int, data: bytes, events: int) -> bool:
        """Send a message to a partition; False, and nothing is sent, if there is no room for it."""

    def poll(self) -> None:
        """Take the answers of brokers that have come."""

    def flush(self, seconds: float) -> int:
        """Wait until all messages are sent, at most for a time; how many are left."""

    def give_up(self) -> None:
        """Fail all messages that are not sent yet."""

    @property
    def unsent(self) -> int:
        """How many messages brokers have not answered yet."""


class KafkaMessage(NamedTuple):
    """A message for a partition of a topic; ``time_ns`` is its timestamp, ns since 1970."""

    topic: str
    partition: int
    time_ns: int
    data: bytes
    events: int


class KafkaSender:
    """Sends messages to the brokers at ``url``, and counts what was sent and what was refused.

    It drops nothing. As long as it `waits`, the source makes no more messages, so that those of one
    pulse at most are kept here. What brokers do not take in librdkafka's ``message.timeout.ms`` is
    refused.

    ``make`` makes the producer. This calls the function that it is given once for each message that
    brokers answer, with the reason if they refuse it, and the number of its events.
    """

    def __init__(
        self,
        url: str,
        make: Callable[[Callable[[str, int], None]], EventProducer],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._now_s = url, now_s
        self._producer = make(self._answered)
        self._waiting: deque[KafkaMessage] = deque()
        self._full_s = math.inf
        """Since when there was no room for messages; infinite once all are taken."""
        self._refused_s = -math.inf
        self._told = False
        self.events_sent = self.events_dropped = self.chunks_dropped = 0
        self.refusal = ""
        """Why brokers have refused a message lately; empty if they take them."""

    @property
    def waits(self) -> bool:
        """Whether there are messages for which the queue of the library has no room."""
        return bool(self._waiting)

    @property
    def message(self) -> str:
        """What is wrong, in words; empty if nothing is."""
        if not self.refusal and self._now_s() - self._full_s >= FULL_TOLD_S:
            return f"{self._url}: {SOURCE_WAITS}"
        return self.refusal

    def send(self, message: KafkaMessage) -> None:
        """Send a message after those that wait."""
        self.events_sent += message.events
        self._waiting.append(message)
        self._send_waiting()

    def serve(self) -> None:
        """Take the answers of brokers, and send messages that wait."""
        self._producer.poll()
        self._send_waiting()
        if not self._left:
            self._full_s = math.inf
            if self._now_s() - self._refused_s >= TROUBLE_OVER_S:
                self.refusal = ""
        self._log()

    def _log(self) -> None:
        """Log when trouble begins, and when it is over."""
        words = self.message
        if words and not self._told:
            log.warning("%s", words)
        elif self._told and not words:
            log.warning("%s: brokers take all messages again", self._url)
        self._told = bool(words)

    def close(self) -> None:
        """Send what is left, as long as brokers take it; count the rest as dropped."""
        end_s = self._now_s() + LONGEST_END_S
        left, taken_s = self._left, self._now_s()
        while left and self._now_s() < min(end_s, taken_s + LAST_MESSAGES_S):
            self._producer.flush(FLUSH_STEP_S)
            self._send_waiting()
            if self._left < left:
                left, taken_s = self._left, self._now_s()
        self._producer.give_up()
        while self._waiting:
            self._answered(ENDED, self._waiting.popleft().events)

    @property
    def _left(self) -> int:
        """How many messages brokers have not answered."""
        return len(self._waiting) + self._producer.unsent

    def _send_waiting(self) -> None:
        """Send messages that wait, as far as there is room."""
        while self._waiting:
            if not self._producer.send(*self._waiting[0]):
                self._full_s = min(self._full_s, self._now_s())
                return
            self._waiting.popleft()

    def _answered(self, why: str, events: int) -> None:
        """Note what has become of a message: ``why`` it was refused, or empty."""
        if not why:
            return
        self.refusal = f"{self._url}: {why}"
        self._refused_s = self._now_s()
        if events:
            self.events_sent -= events
            self.events_dropped += events
            self.chunks_dropped += 1

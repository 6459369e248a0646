"""Finds out that a consumer is stuck: brokers have messages behind its place, and none come.

After a restart of its broker librdkafka may leave a partition unread for minutes, without an error.
"""

from __future__ import annotations

from collections.abc import Callable

from reduction.kafka.client import Answer, BrokerClient, KafkaFailed, PlaceLost
from reduction.kafka.partition_places import PartitionPlaces

SILENCE_S = 5.0
"""After so long without a message, brokers are asked whether there are any."""

LONGEST_SILENCE_S = 60.0
"""If going to the place anew did not help, the next look comes after twice the time, or this."""


class SilenceWatch:
    """Watches one partition, of which some messages may come at any time."""

    def __init__(
        self, client: BrokerClient, topic: str, partition: int, clock_s: Callable[[], float]
    ) -> None:
        self._client, self._topic, self._partition = client, topic, partition
        self._clock_s = clock_s
        self._asked: Answer[PartitionPlaces] | None = None
        self._since_s, self._patience_s = clock_s(), SILENCE_S

    def begin(self) -> None:
        """Note that the consumer goes to a place."""
        self._since_s, self._asked = self._clock_s(), None

    def end(self) -> None:
        """Note that messages have come."""
        self.begin()
        self._patience_s = SILENCE_S

    def check(self, offset: int) -> None:
        """Raise `PlaceLost` if brokers had messages from ``offset`` on, and none have come."""
        if self._clock_s() - self._since_s < self._patience_s:
            return
        if self._asked is None:
            self._asked = self._client.places(self._topic, self._partition)
        elif self._asked.has_come:
            asked = self._asked
            self.begin()
            if self._end_of(asked) > offset:
                self._patience_s = min(2 * self._patience_s, LONGEST_SILENCE_S)
                raise PlaceLost

    def _end_of(self, asked: Answer[PartitionPlaces]) -> int:
        """The offset behind the last message; 0 if brokers have not told it."""
        try:
            return asked.result().high
        except KafkaFailed:
            return 0

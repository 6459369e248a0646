"""A live reduction with its events in Kafka of which processes are killed, the broker included."""

from __future__ import annotations

import signal
import time

from tests.support.clients.ca_client import Network
from tests.support.kafka.kafka_broker import Topic
from tests.support.product.recovery import CURRENT_S, RANKS, Recovery
from tests.support.stream.logged_stream import LoggedPulse, pulses_of

LONGEST_AWAY_S = 2.0


class KafkaRecovery(Recovery):
    """The same with a topic, which is made with a partition for each rank."""

    def __init__(self, net: Network, topic: Topic, seed: int) -> None:
        topic.make(RANKS)
        address = f"kafka://{topic.broker.address}/{topic.name}"
        super().__init__(net, seed, f"--stream={address}", "--simulated")
        self._topic = topic

    @property
    def logged(self) -> list[LoggedPulse]:
        """All pulses that the topic holds."""
        return pulses_of([self._topic.messages(partition) for partition in range(RANKS)])

    def kill(self, what: str) -> None:
        """Kill a process, or the broker, which comes back; returns when results are current."""
        if what != "broker":
            super().kill(what)
            return
        self.pulses()
        broker, running = self._topic.broker, self.running
        broker.stop(signal.SIGKILL)
        try:
            time.sleep(LONGEST_AWAY_S * self._random.random())
            newest = running.number("Sim:Pulse_RBV")
        finally:
            broker.start()
        running.until(lambda: running.number("PulseLast_RBV") > newest, CURRENT_S)
        self.current()

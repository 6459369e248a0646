"""Broker, ranks and IOC are killed at random, with events in Kafka; needs a broker."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

from benchmarks.product import Product, product
from benchmarks.robustness.kills import (
    EVENTS_PER_PULSE,
    FLAGS,
    QUICK_KILLS,
    RANKS,
    Killing,
    kill_and_compare,
    killed_rows,
    number_of,
)
from benchmarks.rows import Row
from tests.support.kafka.kafka_broker import QUICK_TO_RUN, KafkaBroker, Topic, why_no_broker
from tests.support.stream.logged_stream import LoggedPulse, pulses_of

KILLS = 30
KINDS = ("rank", "broker", "IOC")


class KafkaKilling(Killing):
    """A product with its events in a topic of a broker that is killed, too."""

    def __init__(self, running: Product, topic: Topic, flags: tuple[str, ...]) -> None:
        super().__init__(running, KINDS, flags)
        self._topic = topic

    def _kill(self, kind: str) -> int:
        """Kill another process than the IOC; how many pulses may have been made meanwhile."""
        if kind != "broker":
            return super()._kill(kind)
        made = number_of(self.running, "Sim:Pulse_RBV")
        self._topic.broker.stop(signal.SIGKILL)
        self._topic.broker.start()
        return int(number_of(self.running, "Sim:Pulse_RBV") - made)

    def logged(self, since_ns: int) -> list[LoggedPulse]:
        """The pulses since a time that the topic holds."""
        every = pulses_of([self._topic.messages(partition) for partition in range(RANKS)])
        return [each for each in every if each.time_ns >= since_ns]


def measure(quick: bool) -> list[Row]:
    """The rows of some kills with events in Kafka."""
    if why := why_no_broker():
        return [Row("kills with events in Kafka", f"not measured: {why}")]
    kills = QUICK_KILLS if quick else KILLS
    with tempfile.TemporaryDirectory() as folder:
        broker = KafkaBroker(Path(folder), java=QUICK_TO_RUN)
        try:
            broker.start()
            topic = Topic(broker, "kills")
            topic.make(RANKS)
            flags = (*FLAGS, f"--stream=kafka://{broker.address}/{topic.name}", "--simulated")
            with product(EVENTS_PER_PULSE, *flags) as running:
                killing = KafkaKilling(running, topic, flags)
                kill_and_compare(killing, kills, killing.logged)
        finally:
            broker.stop()
    return [each.named("Kafka: ") for each in killed_rows(kills, killing.seen)]


def main() -> None:
    """Print the rows; for trials."""
    for row in measure(quick=False):
        print(row.what, row.measured, flush=True)


if __name__ == "__main__":
    main()

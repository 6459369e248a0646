"""The whole product with its events in Kafka; skipped where no broker can run."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from reduction.parameters.reduction import ReductionSettings
from tests.support.clients.ca_client import Network
from tests.support.kafka.kafka_broker import Topic
from tests.support.kafka.kafka_recovery import KafkaRecovery
from tests.support.product.live import Expected, Live, check_spectrum, live

pytestmark = pytest.mark.timeout(360)


def has_all(running: Live) -> bool:
    """Whether results are of the newest pulses, but for a second of them."""
    newest = running.number("PulseLast_RBV") >= running.number("Sim:Pulse_RBV") - 15
    return newest and running.get("DetectorState_RBV") == "Acquire"


def status(running: Live) -> str:
    return running.get("StatusMessage_RBV", "-S")


def test_the_spectrum_through_kafka_is_that_of_its_pulses_whatever_is_killed(
    kafka_topic: Topic, net: Network
) -> None:
    broker = kafka_topic.broker
    with live(
        net, f"--stream=kafka://{broker.address}/{kafka_topic.name}", "--simulated"
    ) as running:
        running.until(lambda: running.number("PulseLast_RBV") > 40)
        check_spectrum(running, ReductionSettings())
        first = running.number("PulseFirst_RBV")
        for number in (signal.SIGTERM, signal.SIGKILL):
            broker.stop(number)
            try:
                running.until(lambda: "no broker answers" in status(running))
            finally:
                broker.start()
            running.until(lambda: "no broker" not in status(running))
            running.until(lambda: has_all(running), 30)
        running.one("ioc ranks --").kill()
        running.until(lambda: running.get("DetectorState_RBV") != "Acquire")
        running.until(lambda: has_all(running), 60)
        check_spectrum(running, ReductionSettings())
        assert running.number("PulseFirst_RBV") == first
        assert running.number("Sim:EventsDropped_RBV") == 0


def test_kills_at_random_lose_no_event_and_count_none_twice(
    kafka_topic: Topic, net: Network
) -> None:
    with KafkaRecovery(net, kafka_topic, seed=1).counting() as story:
        story.put("Red1:BinParams", "0.5,0.01,3", "-S")
        with story.watched():
            story.kill("rank")
            story.kill("broker")
            story.check()
            story.put("NextSeries", "1")
            story.kill("rank")
            story.check()
        story.kill("IOC")
        story.check()
        story.kill("broker")
        story.check()


TABLE = """
[stream]
servers = "kafka://{address}"
dialect = "plain"
detectors = ["{name}"]
monitors = {{ "{name}-beam/monitor" = 1000 }}
logs = {{ "{name}-logs" = "*" }}
"""


def test_ranks_that_share_a_plain_topic_have_the_spectrum_of_its_pulses(
    kafka_topic: Topic, net: Network, tmp_path: Path
) -> None:
    kafka_topic.make()
    file = tmp_path / "beamline.toml"
    file.write_text(TABLE.format(address=kafka_topic.broker.address, name=kafka_topic.name))
    habits = "--habits=several-sources,late-logs,id-restarts"
    with live(net, "--config", str(file), "--simulated", habits) as running:
        running.until(lambda: running.number("EventTotal_RBV") > 100_000, 30)
        assert running.put("Sim:Pause", "Pause").returncode == 0
        made, total, since_s = -1.0, -1.0, 0.0

        def still() -> bool:
            """Whether nothing has come for more than the grace time."""
            nonlocal made, total, since_s
            before = made, total
            made, total = running.number("Sim:Pulse_RBV"), running.number("EventTotal_RBV")
            if before != (made, total):
                since_s = time.monotonic()
            return time.monotonic() - since_s > 1.0

        running.until(still, 30)
        first, last = (int(running.number(f"Pulse{which}_RBV")) for which in ("First", "Last"))
        simulated, expected = int(made), Expected(running.simulated)
        bins = ReductionSettings()
        wanted = expected.counts(bins, simulated - (last - first), simulated)
        np.testing.assert_array_equal(running.array("Red1:Spec:YC"), wanted)
        assert running.number("MessagesMissing_RBV") == 0


def test_partitions_that_are_added_are_dealt_out_by_starting_ranks_again(
    kafka_topic: Topic, net: Network
) -> None:
    kafka_topic.make(2)
    address = f"kafka://{kafka_topic.broker.address}/{kafka_topic.name}"
    with live(net, f"--stream={address}", "--simulated") as running:
        kafka_topic.add_partitions(3)
        running.until(lambda: running.number("Restarts_RBV") >= 1)

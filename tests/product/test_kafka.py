"""The whole product with its events in Kafka; skipped where no broker can run."""

from __future__ import annotations

import pytest

from reduction.parameters.reduction import ReductionSettings
from tests.support.ca_client import Network
from tests.support.kafka_broker import Topic, wait_until
from tests.support.live import check_spectrum, live

pytestmark = pytest.mark.timeout(180)


def test_the_spectrum_through_kafka_is_that_of_its_pulses_also_after_the_broker_was_away(
    kafka_topic: Topic, net: Network
) -> None:
    address = f"kafka://{kafka_topic.broker.address}/{kafka_topic.name}"
    with live(net, f"--stream={address}", "--simulated") as running:
        check_spectrum(running, ReductionSettings())
        kafka_topic.broker.stop()
        try:
            running.until(lambda: "no broker answers" in running.get("StatusMessage_RBV", "-S"))
        finally:
            kafka_topic.broker.start()
        running.until(lambda: "no broker" not in running.get("StatusMessage_RBV", "-S"))
        wait_until(lambda: running.number("PulseLast_RBV") >= running.number("Sim:Pulse_RBV") - 15)
        check_spectrum(running, ReductionSettings())
        assert running.number("Sim:EventsDropped_RBV") == 0

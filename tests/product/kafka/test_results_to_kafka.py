"""Results that the whole product sends to Kafka are those of their pulses."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from streaming_data_types.dataarray_da00 import deserialise_da00

from reduction.parameters.reduction import ReductionSettings
from tests.support.clients.ca_client import Network
from tests.support.kafka.kafka_broker import Topic, wait_until
from tests.support.product.live import Expected, live

pytestmark = pytest.mark.timeout(360)


def test_each_result_in_a_topic_is_that_of_its_pulses_and_a_broker_that_is_away_is_told(
    kafka_topic: Topic, net: Network
) -> None:
    from confluent_kafka import Consumer, TopicPartition

    kafka_topic.make()
    broker = kafka_topic.broker
    address = f"kafka://{broker.address}/{kafka_topic.name}"
    with live(net, f"--publish={address}") as running:
        options = {"bootstrap.servers": broker.address, "group.id": "test"}
        found: list[bytes] = []
        with closing(Consumer(options)) as consumer:
            consumer.assign([TopicPartition(kafka_topic.name, 0, 0)])

            def came() -> bool:
                message = consumer.poll(0.1)
                if message is not None and not message.error():
                    found.append(message.value())
                return len(found) >= 10

            wait_until(came)
        expected, bins = Expected(running.simulated), ReductionSettings()
        for each in found[3::3]:
            values = {variable.name: variable.data for variable in deserialise_da00(each).data}
            first, last = (int(values[f"pulse_{which}"]) for which in ("first", "last"))
            np.testing.assert_array_equal(values["counts"], expected.counts(bins, first, last))
            np.testing.assert_array_equal(values[bins.units.labels.name], bins.edges)
        broker.stop()
        try:
            words = f"results are not sent to {address}"
            running.until(lambda: words in running.get("StatusMessage_RBV", "-S"), 20)
            before = running.number("PulseLast_RBV")
            running.until(lambda: running.number("PulseLast_RBV") > before + 14)
        finally:
            broker.start()
        running.until(lambda: words not in running.get("StatusMessage_RBV", "-S"), 30)

"""Who joins during a run gets its start from the topic of runs; with a real broker."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from streaming_data_types.run_start_pl72 import serialise_pl72
from streaming_data_types.run_stop_6s4t import serialise_6s4t

from reduction.event_log.entries import EntryKind, LogEntry, log_entry
from reduction.kafka.servers import KafkaServer
from reduction.kafka.topic_shares import TopicShare
from tests.support.kafka.kafka_broker import Topic, wait_until
from tests.support.stream.event_logs import data_of

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")

from reduction.kafka.client import BrokerClient
from reduction.kafka.log_reader import KafkaLogReader
from reduction.kafka.topic_watch import TopicWatch

NOW_NS = time.time_ns()


def run_start(name: str) -> LogEntry:
    data = serialise_pl72(name, "x.nxs", NOW_NS // 10**6, run_name=name)
    return LogEntry(EntryKind.OTHER, NOW_NS, (data,))


def run_stop(name: str) -> LogEntry:
    return LogEntry(EntryKind.OTHER, NOW_NS, (serialise_6s4t(name, run_name=name),))


@pytest.mark.parametrize("after", [0, 5, 300, 1000])
def test_who_joins_during_a_run_gets_its_start_however_many_other_messages_came_since(
    kafka_topic: Topic, after: int
) -> None:
    kafka_topic.make()
    others = [log_entry("status", NOW_NS, float(n)) for n in range(after)]
    runs = [run_start("1"), run_stop("1"), run_start("2")]
    kafka_topic.send([*runs, *others, run_stop("other")])
    watch = TopicWatch(BrokerClient(KafkaServer(kafka_topic.broker.address)), [kafka_topic.name])
    with closing(KafkaLogReader(watch, TopicShare(kafka_topic.name, runs=True))) as reader:
        reader.seek_to_end()
        found: list[bytes] = []

        def came() -> bool:
            found.extend(bytes(each.data) for each in reader.read(1000))
            return reader.began >= 0

        wait_until(came)
        messages = [data for data in found if data[4:8] in (b"pl72", b"6s4t")]
        assert messages == [data_of(runs[2]), data_of(run_stop("other"))]
        assert reader.began == len(runs) + after + 1
        kafka_topic.send([run_start("3")])
        found.clear()

        def came_next() -> bool:
            found.extend(bytes(each.data) for each in reader.read())
            return bool(found)

        wait_until(came_next)
        assert found == [data_of(run_start("3"))]

"""A Kafka topic as an event log, by a real broker; skipped where there is no Java or no Kafka."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reduction.event_log.entries import log_entry
from reduction.event_log.protocol import Backlog
from reduction.kafka.servers import KafkaServer
from reduction.kafka.topic_shares import TopicShare
from tests.support.kafka.kafka_broker import Topic, wait_until
from tests.support.kafka.kafka_reading import (
    HOUR_NS,
    NOW_NS,
    START_NS,
    STREAM,
    numbered,
    read,
    said,
    stream,
)
from tests.support.stream.event_logs import PERIOD_NS, data_of, sought

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")

from reduction.kafka.client import BrokerClient, PartitionConsumer
from reduction.kafka.log_reader import KafkaLogReader, PartitionsAdded
from reduction.kafka.partition_places import KafkaRecord
from reduction.kafka.topic_watch import TopicWatch

Opened = Callable[..., KafkaLogReader]


@pytest.fixture
def opened(kafka_topic: Topic) -> Iterator[Opened]:
    """Makes readers of the topic; they are closed at the end."""
    readers: list[KafkaLogReader] = []

    def make(address: str = "", partitions: int = 1, **share: Any) -> KafkaLogReader:
        server = KafkaServer(address or kafka_topic.broker.address)
        watch = TopicWatch(BrokerClient(server), [kafka_topic.name])
        readers.append(KafkaLogReader(watch, TopicShare(kafka_topic.name, **share), partitions))
        return readers[-1]

    yield make
    for each in readers:
        each.close()


def test_a_reader_gets_what_is_there_and_what_comes(kafka_topic: Topic, opened: Opened) -> None:
    kafka_topic.make()
    reader = opened()
    kafka_topic.send(STREAM[:500])
    assert read(reader, 500) == numbered(STREAM[:500])
    kafka_topic.send(STREAM[500:])
    assert read(reader, 700) == numbered(STREAM)[500:]
    assert reader.behind == Backlog()
    assert reader.began == 0
    assert reader.message == ""


def test_nothing_waits_for_the_broker(kafka_topic: Topic, opened: Opened) -> None:
    reader = opened("127.0.0.1:9")
    reader.read()
    began_s = time.perf_counter()
    for _ in range(50):
        reader.seek(START_NS)
        assert reader.read() == []
        assert reader.behind == Backlog()
    assert time.perf_counter() - began_s < 1


@pytest.mark.parametrize("pulse", [0, 1, 137, 250, 398, 399])
def test_it_seeks_the_pulse_and_gives_the_last_values(
    kafka_topic: Topic, opened: Opened, pulse: int
) -> None:
    kafka_topic.make()
    kafka_topic.send(STREAM)
    reader = opened()
    time_ns = START_NS + pulse * PERIOD_NS - 1000
    wanted = sought(STREAM, time_ns)
    window = [each for each in wanted if each[0] >= 3 * (pulse - 140)]  # no older value is there
    reader.seek(time_ns)
    assert read(reader, len(window)) == window
    assert reader.began == 3 * pulse
    again = opened()
    again.seek_offset(reader.began)
    assert read(again, len(STREAM) - 3 * pulse) == numbered(STREAM)[3 * pulse :]
    assert again.identity == reader.identity != ""


def test_a_time_after_all_messages_is_the_end(kafka_topic: Topic, opened: Opened) -> None:
    kafka_topic.make()
    kafka_topic.send(STREAM[:30])
    reader, end = opened(), opened()
    reader.seek(NOW_NS)
    end.seek_to_end()
    assert read(reader, 0) == read(end, 0) == []
    wait_until(lambda: reader.read() == [] and reader.began == 30)
    wait_until(lambda: end.read() == [] and end.began == 30)
    kafka_topic.send(STREAM[30:60])
    assert read(reader, 30) == read(end, 30) == numbered(STREAM)[30:60]


def test_the_end_of_an_offset_that_is_too_large(kafka_topic: Topic, opened: Opened) -> None:
    kafka_topic.make()
    kafka_topic.send(STREAM[:30])
    reader = opened()
    reader.seek_offset(1000)
    wait_until(lambda: reader.read() == [] and reader.began == 30)
    assert reader.message == ""


def test_a_topic_of_logs_gives_the_last_value_of_each_source_that_is_near(
    kafka_topic: Topic, opened: Opened
) -> None:
    kafka_topic.make()
    values = [log_entry(f"log{n % 3}", START_NS + n * 10**9, float(n)) for n in range(30)]
    rare = log_entry("rare", START_NS, 1.0)
    kafka_topic.send([rare, *values])
    for look_back, older in ((100, [(0, data_of(rare))]), (20, [])):
        reader = opened(look_back=look_back)
        reader.seek(START_NS + 20 * 10**9)
        wanted = [*older, *numbered([rare, *values])[18:]]
        assert read(reader, len(wanted)) == wanted
        assert reader.began == 21
    end = opened(look_back=100)
    end.seek_to_end()
    assert read(end, 4) == [(0, data_of(rare)), *numbered(values, 1)[-3:]]


def test_an_old_value_that_is_sent_again_is_a_last_value(
    kafka_topic: Topic, opened: Opened
) -> None:
    kafka_topic.make()
    kafka_topic.send(stream(range(3)))
    resent = log_entry("old", START_NS - HOUR_NS, 5.0)
    kafka_topic.send([resent, *stream(range(3, 6))])
    reader = opened()
    reader.seek(START_NS + 4 * PERIOD_NS)
    found = read(reader, 2 + 6)
    assert found[0] == (9, data_of(resent))


def test_readers_share_a_partition(kafka_topic: Topic, opened: Opened) -> None:
    kafka_topic.make()
    kafka_topic.send(STREAM)
    shares = [opened(index=index, of=3) for index in range(3)]
    wanted = numbered(STREAM)
    for index, reader in enumerate(shares):
        mine = [each for each in wanted if each[1][4:8] != b"ev44" or each[0] % 3 == index]
        assert read(reader, len(mine)) == mine
    assert len({each.identity for each in shares}) == 1


def test_a_topic_may_come_later_than_its_reader(kafka_topic: Topic, opened: Opened) -> None:
    reader = opened()
    wait_until(lambda: said(reader, f"topic {kafka_topic.name} does not exist"))
    assert reader.identity == ""
    assert reader.began == 0
    end = opened()
    end.seek_to_end()
    wait_until(lambda: said(end, "does not exist"))
    kafka_topic.make()
    kafka_topic.send(STREAM[:30])
    assert read(reader, 30) == read(end, 30) == numbered(STREAM[:30])
    wait_until(lambda: reader.read() == [] and reader.message == "")


@pytest.mark.parametrize("pulses", [5, 40])
def test_a_topic_that_is_made_again_is_read_from_its_start(
    kafka_topic: Topic, opened: Opened, pulses: int
) -> None:
    kafka_topic.make()
    kafka_topic.send(STREAM[:60])
    reader = opened()
    read(reader, 60)
    former = reader.identity
    kafka_topic.delete()
    wait_until(lambda: said(reader, "does not exist"))
    kafka_topic.make()
    kafka_topic.send(stream(range(pulses)))
    assert read(reader, 3 * pulses) == numbered(stream(range(pulses)))
    assert reader.identity not in ("", former)
    assert "deleted and made again" in reader.message


def test_a_partition_that_is_not_made_again_is_told(kafka_topic: Topic, opened: Opened) -> None:
    kafka_topic.make(2)
    reader = opened(partition=1, partitions=2)
    wait_until(lambda: reader.read() == [] and reader.began == 0)
    kafka_topic.delete()
    wait_until(lambda: said(reader, "does not exist"))
    kafka_topic.make(1)
    words = f"{kafka_topic.name}, partition 1: the topic has no such partition any more"
    wait_until(lambda: said(reader, words))


def test_messages_that_retention_took_are_told(kafka_topic: Topic, opened: Opened) -> None:
    kafka_topic.make()
    kafka_topic.send(STREAM[:600])
    reader = opened()
    reader.seek_offset(100)
    kafka_topic.delete_before(300)
    assert read(reader, 300) == numbered(STREAM)[300:600]
    assert reader.dropped.messages == 200
    assert "200 messages had left the topic" in reader.message
    by_time = opened()
    by_time.seek(START_NS)
    assert read(by_time, 300) == numbered(STREAM)[300:600]
    assert by_time.dropped.messages == 300
    assert by_time.dropped.since_ns == START_NS
    assert abs(by_time.dropped.until_ns - (START_NS + 100 * PERIOD_NS)) < 10**6
    assert "no longer holds the first 7 s" in by_time.message


def test_ends_of_transactions_are_passed_over(kafka_topic: Topic, opened: Opened) -> None:
    kafka_topic.make()
    kafka_topic.send_in_transaction(STREAM[:10])
    reader = opened(look_back=5)
    assert read(reader, 10) == numbered(STREAM[:10])
    wait_until(lambda: reader.read() == [] and reader.behind.messages == 0)
    reader.seek_to_end()
    wait_until(lambda: all(each.offset < 11 for each in reader.read()) and reader.began == 11)
    kafka_topic.send_in_transaction(STREAM[10:15])
    assert read(reader, 5, most=100)[-1] == (15, data_of(STREAM[14]))


def test_a_broker_that_goes_is_told_and_its_reader_goes_on(
    kafka_topic: Topic, opened: Opened
) -> None:
    kafka_topic.make()
    kafka_topic.send(STREAM[:300])
    reader = opened()
    read(reader, 300)
    kafka_topic.broker.stop()
    try:
        wait_until(lambda: said(reader, "no broker answers"))
    finally:
        kafka_topic.broker.start()
    kafka_topic.send(STREAM[300:])
    assert read(reader, 900) == numbered(STREAM)[300:]
    wait_until(lambda: reader.read() == [] and reader.message == "")


def test_a_consumer_that_is_stuck_is_sent_to_its_place_again(
    kafka_topic: Topic, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reduction.kafka.silence_watch.SILENCE_S", 1.0)
    kafka_topic.make()
    kafka_topic.send(STREAM[:300])
    stuck, gone_to = threading.Event(), list[int]()

    class StuckConsumer(PartitionConsumer):
        def go(self, offset: int) -> None:
            super().go(offset)
            gone_to.append(offset)
            stuck.clear()

        def take(self, most: int) -> list[KafkaRecord]:
            return [] if stuck.is_set() else super().take(most)

    monkeypatch.setattr("reduction.kafka.log_reader.PartitionConsumer", StuckConsumer)
    reader = opened()
    read(reader, 300)
    stuck.set()
    kafka_topic.send(STREAM[300:])
    assert read(reader, 900) == numbered(STREAM)[300:]
    assert gone_to[-1] == 300
    assert reader.message == ""


def test_a_partition_that_is_added_is_seen(kafka_topic: Topic, opened: Opened) -> None:
    kafka_topic.make()
    watch = TopicWatch(BrokerClient(KafkaServer(kafka_topic.broker.address)), [kafka_topic.name])

    def partitions() -> int:
        watch.look()
        facts = watch.facts(kafka_topic.name)
        return facts.partitions if facts else 0

    wait_until(lambda: partitions() == 1)
    reader = opened()
    kafka_topic.send(STREAM[:30])
    read(reader, 30)
    kafka_topic.add_partitions(2)
    wait_until(lambda: partitions() == 2)
    with pytest.raises(PartitionsAdded, match="has 2 partitions, of which 1 are read"):
        wait_until(lambda: reader.read() is None)

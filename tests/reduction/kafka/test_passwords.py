"""A broker that asks for a password: it comes from a file, and what is wrong with it is told."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from reduction.event_log.protocol import LogRefused
from reduction.kafka.servers import KafkaServer
from reduction.kafka.topic_shares import TopicShare
from tests.support.kafka.kafka_broker import PASSWORD, USER, KafkaBroker, Topic, wait_until
from tests.support.kafka.kafka_reading import STREAM, numbered, read, said

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")

from reduction.kafka.client import BrokerClient
from reduction.kafka.log_reader import KafkaLogReader
from reduction.kafka.topic_watch import TopicWatch


def sasl(broker: KafkaBroker, password: Path) -> KafkaServer:
    return KafkaServer(
        broker.sasl_address,
        (
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanisms", "PLAIN"),
            ("sasl.username", USER),
        ),
        (("sasl.password", password),),
    )


def test_a_password_comes_from_a_file(kafka_topic: Topic, tmp_path: Path) -> None:
    kafka_topic.make()
    kafka_topic.send(STREAM[:30])
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    server = sasl(kafka_topic.broker, file)
    watch = TopicWatch(BrokerClient(server), [kafka_topic.name])
    with closing(KafkaLogReader(watch, TopicShare(kafka_topic.name))) as reader:
        assert read(reader, 30) == numbered(STREAM[:30])
    assert PASSWORD not in repr(server)


def test_a_wrong_password_is_told_and_not_shown(kafka_topic: Topic, tmp_path: Path) -> None:
    kafka_topic.make()
    file = tmp_path / "password"
    file.write_text("sesame closed")
    watch = TopicWatch(BrokerClient(sasl(kafka_topic.broker, file)), [kafka_topic.name])
    with closing(KafkaLogReader(watch, TopicShare(kafka_topic.name))) as reader:
        wait_until(lambda: said(reader, "uthentication"))
        assert "sesame" not in reader.message


def test_a_password_file_that_is_not_there_is_refused(
    kafka_broker: KafkaBroker, tmp_path: Path
) -> None:
    with pytest.raises(LogRefused, match=r"sasl.password: file .*nowhere: No such file"):
        BrokerClient(sasl(kafka_broker, tmp_path / "nowhere"))


def test_an_option_that_librdkafka_does_not_know_is_refused() -> None:
    with pytest.raises(LogRefused, match=r'No such configuration property: "no.such"'):
        BrokerClient(KafkaServer("127.0.0.1:9", (("no.such", "1"),)))


@pytest.mark.parametrize(
    ("password", "words"),
    [
        (False, "does not answer, or closes each connection: its address or security.protocol may"),
        (True, "this port takes no passwords: it, or security.protocol, may be wrong"),
    ],
)
def test_a_port_with_another_protocol_is_told_in_words(
    kafka_topic: Topic, tmp_path: Path, password: bool, words: str
) -> None:
    kafka_topic.make()
    broker, file = kafka_topic.broker, tmp_path / "password"
    file.write_text(PASSWORD)
    server = KafkaServer(broker.sasl_address)
    if password:
        server = replace(sasl(broker, file), brokers=broker.address)
    watch = TopicWatch(BrokerClient(server), [kafka_topic.name])

    def told() -> bool:
        watch.look()
        return words in watch.message(kafka_topic.name)

    wait_until(told, 60)

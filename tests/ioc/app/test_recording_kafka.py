"""A recording is played to a real Kafka broker, and recorded from there, message by message."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ioc.app.cli import main
from tests.support.kafka.kafka_broker import Topic
from tests.support.stream.recordings import messages_of, recorded

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")

PAST_NS = 1_700_000_000_000_000_000
"""Kafka refuses messages of more than an hour ahead of its clock."""


def test_what_kafka_does_not_take_is_told(
    tmp_path: Path, kafka_topic: Topic, capsys: pytest.CaptureFixture[str]
) -> None:
    ahead_ns = time.time_ns() + 10 * 3600 * 10**9
    source = recorded(tmp_path / "source", pulses=2, start_ns=ahead_ns)
    stream = f"--stream=kafka://{kafka_topic.broker.address}/{kafka_topic.name}"
    with pytest.raises(SystemExit):
        main(["replay", str(source), stream, "--times=original", "--speed=100"])
    said = capsys.readouterr().err
    assert "of which 2 messages with events were not taken: kafka://" in said


def test_a_recording_goes_to_kafka_and_comes_back(
    tmp_path: Path, kafka_topic: Topic, capsys: pytest.CaptureFixture[str]
) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    recorded(source, pulses=20, partitions=2, start_ns=PAST_NS)
    stream = f"--stream=kafka://{kafka_topic.broker.address}/{kafka_topic.name}"
    main(["replay", str(source), stream, "--speed=max"])
    main(["record", str(copy), stream, "--begin=start", "--pulses=20", "--log-limit=16M"])
    said = capsys.readouterr().out
    assert said.count("120 messages with 800 events of 20 pulses") == 2
    assert messages_of(copy) == messages_of(source)


def test_a_topic_with_too_few_partitions_is_refused(
    tmp_path: Path, kafka_topic: Topic, capsys: pytest.CaptureFixture[str]
) -> None:
    kafka_topic.make(partitions=1)
    source = recorded(tmp_path / "source", pulses=1, partitions=2)
    stream = f"--stream=kafka://{kafka_topic.broker.address}/{kafka_topic.name}"
    with pytest.raises(SystemExit):
        main(["replay", str(source), stream])
    words = "its topics have 1 partitions; the recording has 2"
    assert words in capsys.readouterr().err

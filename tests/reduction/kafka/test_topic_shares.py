"""Topics of a stream are dealt out to ranks: each event to one, all logs to all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reduction.event_log.protocol import LogRefused
from reduction.kafka.servers import KafkaServer
from reduction.kafka.streams import (
    DEFAULT_TOPIC,
    LOOK_BACK_MESSAGES,
    KafkaStream,
    KafkaTopic,
    stream_at,
)
from reduction.kafka.topic_shares import TopicShare, dealt
from reduction.stream.dialect import Dialect
from reduction.stream.used_sources import UsedSources

SERVER = KafkaServer("127.0.0.1:9092")
DETECTORS = KafkaTopic("detectors", UsedSources(logs={}))
BEAM = KafkaTopic("beam", UsedSources(frozenset(), {"m1": 1000}, {}))
LOGS = KafkaTopic("logs", UsedSources(frozenset()))
PLAIN = KafkaStream(SERVER, (LOGS, DETECTORS, BEAM), Dialect.PLAIN)


@pytest.mark.parametrize("ranks", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("partitions", [1, 2, 3, 7])
def test_each_event_is_of_one_rank_and_every_log_of_all(partitions: int, ranks: int) -> None:
    shares = dealt(PLAIN, {"detectors": partitions, "beam": 2, "logs": 1}, ranks)
    for offset in range(30):
        for topic, count in (("detectors", partitions), ("beam", 2)):
            for partition in range(count):
                takers = [
                    each.rank
                    for each in shares
                    if (each.share.topic, each.share.partition) == (topic, partition)
                    and offset % each.share.of == each.share.index
                ]
                assert len(takers) == 1
    assert [each.rank for each in shares if each.share.topic == "logs"] == list(range(ranks))
    assert {each.rank for each in shares if each.share.topic == "detectors"} == set(range(ranks))


def test_only_topics_of_logs_alone_are_looked_back_in() -> None:
    shares = dealt(PLAIN, {"detectors": 1, "beam": 1, "logs": 1}, 1)
    assert {each.share.topic: each.share.look_back for each in shares} == {
        "detectors": 0,
        "beam": 0,
        "logs": LOOK_BACK_MESSAGES,
    }


@pytest.mark.parametrize("dialect", [Dialect.MARKED, Dialect.AUTO])
def test_partitions_with_marks_are_not_shared(dialect: Dialect) -> None:
    stream = KafkaStream(SERVER, (KafkaTopic("t"),), dialect)
    assert [each.share for each in dealt(stream, {"t": 2}, 2)] == [
        TopicShare("t", 0),
        TopicShare("t", 1),
    ]
    with pytest.raises(LogRefused, match="1 partitions with events: 2 ranks need as many"):
        dealt(stream, {"t": 1}, 2)


def test_numbers_of_partitions_do_not_depend_on_ranks_unless_they_are_shared() -> None:
    stream = KafkaStream(SERVER, (KafkaTopic("t"),))
    by_ranks = [[each.share for each in dealt(stream, {"t": 4}, ranks)] for ranks in (1, 2, 4)]
    assert by_ranks[0] == by_ranks[1] == by_ranks[2]


def test_an_address_names_brokers_and_topics() -> None:
    assert stream_at("kafka://a:1,b:2/x,y", Dialect.PLAIN) == KafkaStream(
        KafkaServer("a:1,b:2"), (KafkaTopic("x"), KafkaTopic("y")), Dialect.PLAIN
    )
    assert stream_at("kafka://a:1", Dialect.AUTO).names == (DEFAULT_TOPIC,)


@pytest.mark.parametrize("address", ["kafka://", "kafka:///topic", "http://a:1"])
def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(LogRefused, match="no address of the form kafka://host:9092/topic"):
        stream_at(address, Dialect.AUTO)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (os.mkfifo, "it is no regular file"),
        (Path.mkdir, "Is a directory"),
        (lambda path: path.symlink_to("/dev/zero"), "it is no regular file"),
        (lambda path: path.write_bytes(bytes(100_000)), "it is larger than 64 KiB"),
        (lambda path: path.write_bytes(b"\xff"), "it is not UTF-8 text"),
    ],
)
def test_a_password_file_that_is_none_is_refused_and_not_waited_for(
    tmp_path: Path, make: Callable[[Path], object], why: str
) -> None:
    make(tmp_path / "odd")
    server = KafkaServer("a:1", secrets=(("sasl.password", tmp_path / "odd"),))
    with pytest.raises(LogRefused, match=f"sasl.password: file .*odd: {why}"):
        server.configuration()


def test_a_file_with_a_secret_that_every_user_can_read_is_known(tmp_path: Path) -> None:
    kept, open_to_all = tmp_path / "kept", tmp_path / "open"
    for path, mode in ((kept, 0o600), (open_to_all, 0o604)):
        path.write_text("sesame")
        path.chmod(mode)
    server = KafkaServer("a:1", secrets=(("sasl.password", kept), ("ssl.key.pem", open_to_all)))
    assert server.open_secrets == [open_to_all]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("kafka://a b:1/t", "'a b:1' is no address of a broker, like host:9092"),
        ("kafka://a:0/t", "'a:0' is no address of a broker"),
        ("kafka://a:1/t,", "'' is no name of a topic"),
        ("kafka://a:1/t/u", "'t/u' is no name of a topic"),
    ],
)
def test_an_address_with_a_wrong_part_is_refused_by_that(address: str, words: str) -> None:
    with pytest.raises(LogRefused, match=words):
        stream_at(address, Dialect.AUTO)

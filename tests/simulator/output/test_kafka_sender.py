"""What becomes of messages for Kafka when brokers are slow, away, or refuse them."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from simulator.output.kafka_sender import (
    ENDED,
    SOURCE_WAITS,
    TROUBLE_OVER_S,
    KafkaMessage,
    KafkaSender,
)

URL = "kafka://broker:9092"
WAITS = f"{URL}: {SOURCE_WAITS}"


class FakeProducer:
    """A producer with a queue of a few messages, whose brokers the test holds."""

    def __init__(self, answered: Callable[[str, int], None]) -> None:
        self.answered, self.room = answered, 3
        self.queue: list[KafkaMessage] = []
        self.taken: list[bytes] = []
        self.away = False

    def send(self, topic: str, partition: int, time_ns: int, data: bytes, events: int) -> bool:
        if len(self.queue) >= self.room:
            return False
        self.queue.append(KafkaMessage(topic, partition, time_ns, data, events))
        return True

    def answer(self, count: int, why: str = "") -> None:
        """Answer the oldest messages."""
        for message in self.queue[:count]:
            if not why:
                self.taken.append(message.data)
            self.answered(why, message.events)
        del self.queue[:count]

    def poll(self) -> None:
        pass

    def flush(self, seconds: float) -> int:
        if not self.away:
            self.answer(1)
        return len(self.queue)

    def give_up(self) -> None:
        self.answer(len(self.queue), "given up")

    @property
    def unsent(self) -> int:
        return len(self.queue)


class Bench:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.sender = KafkaSender(URL, self._make, self._clock)

    def _make(self, answered: Callable[[str, int], None]) -> FakeProducer:
        self.producer = FakeProducer(answered)
        return self.producer

    def _clock(self) -> float:
        self.now_s += 0.01
        return self.now_s

    def send(self, *numbers: int) -> None:
        for each in numbers:
            self.sender.send(KafkaMessage("t", 0, each, bytes([each]), 10))

    def serve(self, after_s: float = 0.0) -> str:
        """Serve after a time; what is wrong."""
        self.now_s += after_s
        self.sender.serve()
        return self.sender.message


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_messages_without_room_wait_and_are_sent_in_order(bench: Bench) -> None:
    bench.send(*range(8))
    assert bench.sender.waits
    assert bench.serve() == ""  # for a moment that is nothing to tell
    assert bench.serve(2) == WAITS
    while bench.producer.queue:
        bench.producer.answer(1)
        bench.serve()
    assert bench.producer.taken == [bytes([each]) for each in range(8)]
    assert not bench.sender.waits
    assert bench.serve() == ""
    assert (bench.sender.events_sent, bench.sender.chunks_dropped) == (80, 0)


def test_an_outage_is_logged_once_and_so_is_its_end(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    bench.send(*range(5))
    for _ in range(20):
        assert bench.serve(1) == WAITS  # the queue has room now and then, and fills again
        bench.producer.answer(1)
        bench.send(1)
    bench.producer.answer(2, "Local: Message timed out")
    assert bench.serve() == f"{URL}: Local: Message timed out"
    while bench.producer.queue:
        bench.producer.answer(1)
        bench.serve()
    assert bench.serve(1) == f"{URL}: Local: Message timed out"
    assert bench.serve(TROUBLE_OVER_S) == ""
    assert [each.getMessage() for each in caplog.records] == [
        WAITS,
        f"{URL}: brokers take all messages again",
    ]
    assert (bench.sender.events_dropped, bench.sender.chunks_dropped) == (20, 2)


def test_refusals_between_messages_that_are_taken_are_one_outage(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for _ in range(10):
        bench.send(1, 2)
        bench.producer.answer(1, "unknown topic")
        bench.producer.answer(1)
        assert bench.serve(0.1) == f"{URL}: unknown topic"
    assert len(caplog.records) == 1


def test_the_end_waits_as_long_as_brokers_take_messages(bench: Bench) -> None:
    bench.send(*range(9))
    bench.sender.close()
    assert len(bench.producer.taken) == 9
    assert bench.sender.chunks_dropped == 0


def test_what_brokers_do_not_take_before_the_end_is_counted(bench: Bench) -> None:
    bench.producer.away = True
    bench.send(*range(9))
    bench.sender.close()
    assert bench.sender.message == f"{URL}: {ENDED}"
    assert (bench.sender.events_sent, bench.sender.events_dropped) == (0, 90)

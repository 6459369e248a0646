"""Sends the events of the simulated source to Kafka. Only a source that does so imports it."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import NamedTuple

from reduction.event_log.entries import EntryKind, OutputMessage, entry_of
from reduction.event_log.protocol import LogRefused
from reduction.kafka.client import Answer, AnswerT, BrokerClient, KafkaFailed, MessageProducer
from reduction.kafka.log_reader import KafkaLogReader
from reduction.kafka.partition_places import TopicFacts
from reduction.kafka.streams import KafkaStream, KafkaTopic
from reduction.kafka.topic_shares import TopicShare
from reduction.kafka.topic_watch import TopicWatch
from reduction.messages.contents import LogValue, decode
from simulator.output.kafka_sender import KafkaMessage, KafkaSender

log = logging.getLogger(__name__)

START_WAIT_S = 20.0
"""How long to wait at the start for brokers and topics."""

MARK_READ_MESSAGES = 200
"""In as many messages at the end of a partition the last mark is looked for."""

POLL_S = 0.01


class _Place(NamedTuple):
    topic: str
    partition: int


class KafkaOutput:
    """Sends messages to the topics of a stream, and counts what was sent and what was refused.

    Topics that do not exist are made: those for detectors with the ``partitions`` asked for, others
    with one. Monitors that a topic names go there, and logs to the topics of logs, if there are
    any. Raises `LogRefused` if no broker answers at the start.
    """

    # As `EventOutput` has it, for a log that takes space on this host.
    size_bytes = 0
    reach_s = 0.0
    socket = None

    def __init__(
        self,
        stream: KafkaStream,
        partitions: int,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now_s = now_s
        self._client = BrokerClient(stream.server)
        made = {topic.name: self._made(topic, partitions) for topic in stream.topics}
        detectors = [topic for topic in stream.topics if topic.holds_detectors]
        self._events = [_Place(each.name, p) for each in detectors for p in range(made[each.name])]
        self._monitors = {
            source: _Place(each.name, 0)
            for each in stream.topics
            for source in each.sources.monitors
        }
        self._logs = [_Place(each.name, 0) for each in stream.topics if each.look_back]
        self.last_pulse = max((self._last_pulse(place) for place in self._events), default=-1)
        make = functools.partial(
            MessageProducer, stream.server, largest_batch=self._largest_batch(detectors)
        )
        self._sender = KafkaSender(stream.server.url, make, now_s)

    @property
    def events_sent(self) -> int:
        """The events that were sent, without those that brokers have refused."""
        return self._sender.events_sent

    @property
    def events_dropped(self) -> int:
        """The events in chunks that brokers have refused."""
        return self._sender.events_dropped

    @property
    def chunks_dropped(self) -> int:
        """The chunks that brokers have refused."""
        return self._sender.chunks_dropped

    @property
    def message(self) -> str:
        """What is wrong with brokers, in words; empty if nothing is."""
        return self._sender.message

    @property
    def refusal(self) -> str:
        """Why brokers have refused a message lately; empty if they take them."""
        return self._sender.refusal

    @property
    def waits(self) -> bool:
        """Whether no more should be put now, because brokers do not take what was put."""
        return self._sender.waits

    @property
    def partitions(self) -> int:
        """The number of partitions for events of detectors."""
        return len(self._events)

    def _made(self, topic: KafkaTopic, partitions: int) -> int:
        """How many partitions a topic has, which is made if it does not exist."""
        wanted = partitions if topic.holds_detectors else 1

        def found() -> Answer[TopicFacts]:
            return self._client.topic(topic.name)

        def make() -> None:
            try:
                self._waited(self._client.create(topic.name, wanted))
                log.warning("topic %s is made with %d partitions", topic.name, wanted)
            except KafkaFailed as failed:
                if not failed.exists:
                    words = f"{self._client.server.url}: topic {topic.name}: {failed}"
                    raise LogRefused(words) from None

        return self._answer(found, make).partitions

    def _largest_batch(self, topics: Iterable[KafkaTopic]) -> int | None:
        """How many bytes all of these topics take at once; None if brokers do not tell."""
        try:
            every = [self._waited(self._client.largest_batch(each.name)) for each in topics]
        except KafkaFailed:  # it may be told to administrators alone
            return None
        return min(every, default=None)

    def _answer(
        self, ask: Callable[[], Answer[AnswerT]], missing: Callable[[], None] = lambda: None
    ) -> AnswerT:
        """The answer of brokers, asked until they give it; if a topic is ``missing``, make it."""
        deadline_s = self._now_s() + START_WAIT_S
        while True:
            try:
                return self._waited(ask())
            except KafkaFailed as failed:
                if self._now_s() > deadline_s:
                    why = self._client.problem or str(failed)
                    raise LogRefused(f"{self._client.server.url}: {why}") from None
                is_missing = failed.topic_missing
            if is_missing:
                missing()
            time.sleep(POLL_S)

    def _waited(self, answer: Answer[AnswerT]) -> AnswerT:
        while not answer.has_come:
            self._client.poll()
            time.sleep(POLL_S)
        return answer.result()

    def _last_pulse(self, place: _Place) -> int:
        """The number of the last pulse with a mark near the end of a partition; -1 if it is empty.

        Without marks it is as large as if each message were of another pulse, so that no number is
        used again.
        """
        places = self._answer(lambda: self._client.places(*place))
        watch = TopicWatch(self._client, [place.topic])
        share = TopicShare(place.topic, place.partition)
        found, offset, deadline_s = -1, 0, self._now_s() + START_WAIT_S
        with closing(KafkaLogReader(watch, share, partitions=2**31)) as reader:
            reader.seek_offset(places.high - MARK_READ_MESSAGES)
            while places.high > max(places.low, offset) and self._now_s() < deadline_s:
                for each in reader.read():
                    offset = each.offset + 1
                    if entry_of(each.data).kind is EntryKind.MARK:
                        mark = decode(each.data)
                        assert isinstance(mark, LogValue)
                        found = max(found, int(mark.value[0]))
        return found if found >= 0 else places.high - 1

    def put(self, message: OutputMessage) -> None:
        """Send a message; it waits until there is room for it."""
        entry = message.entry
        for place in self._places(message):
            data = entry.pieces[0] if len(entry.pieces) == 1 else b"".join(entry.pieces)
            self._sender.send(
                KafkaMessage(
                    place.topic, place.partition, entry.time_ns, bytes(data), message.events
                )
            )

    def _places(self, message: OutputMessage) -> Sequence[_Place]:
        if message.entry.kind is EntryKind.LOG and self._logs:
            return self._logs if message.partition == 0 else []
        return [self._monitors.get(message.source, self._events[message.partition])]

    def serve(self) -> None:
        """Take the answers of brokers, and send what waits."""
        self._sender.serve()
        self._client.poll()

    def close(self) -> None:
        """Send what is left."""
        self._sender.close()

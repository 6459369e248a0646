"""The Kafka client library confluent-kafka: the one module that imports it. Nothing here waits.

Requests to brokers give an `Answer` that comes later. A consumer reads from the place that it is
assigned; it joins no group and commits nothing. The library demands a group name nevertheless.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from reduction.event_log.protocol import LogRefused
from reduction.kafka.connection_words import plain_words
from reduction.kafka.partition_places import KafkaRecord, OffsetAt, PartitionPlaces, TopicFacts
from reduction.kafka.servers import KafkaServer

try:
    from confluent_kafka import (
        Consumer,
        KafkaError,
        KafkaException,
        Producer,
        TopicCollection,
        TopicPartition,
    )
    from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec
except ImportError:
    raise LogRefused(
        "Kafka needs confluent-kafka: pip install 'epics-live-reduction[kafka]'"
    ) from None

AnswerT = TypeVar("AnswerT")

ANSWER_S = 5.0
"""A request that is not answered after this time fails."""

GIVE_UP_S = 1.0
"""How long it may take to fail the messages that are given up."""

CLIENT = {
    "client.id": "live-reduction",
    "log_level": "2",  # trouble is told on process variables instead
    "reconnect.backoff.max.ms": "1000",
    "message.max.bytes": "100000000",
}
"""Options of all clients, unless the settings have others."""

CONSUMER = {
    "group.id": "live-reduction",
    "enable.auto.commit": "false",
    "enable.auto.offset.store": "false",
    "auto.offset.reset": "error",
    "enable.partition.eof": "true",
    "fetch.queue.backoff.ms": "10",
    "fetch.message.max.bytes": "8388608",
    "queued.max.messages.kbytes": "32768",
}
"""Options of consumers, unless the settings have others."""

PRODUCER = {
    "enable.idempotence": "true",  # so that a broker that comes back has each message once
    "linger.ms": "1",
    "queue.buffering.max.kbytes": "262144",
}
"""Options of producers, unless the settings have others."""

MOST_BATCH_BYTES = 16_000_000
"""Messages are sent together up to so many bytes, if their topic takes as much at once.

While messages wait for those before them to be sent, a thread of librdkafka is busy with looking
at them. In batches of its default of 1 MB the pulses of strong sources wait most of the time.
"""


class KafkaFailed(Exception):
    """A request that failed; the text says why.

    - ``topic_missing``: the topic does not exist
    - ``exists``: the topic that was to be made exists already
    - ``unreachable``: no broker has answered
    """

    def __init__(self, error: Any) -> None:
        code = error.code()
        self.topic_missing = code in (
            KafkaError.UNKNOWN_TOPIC_OR_PART,
            KafkaError._UNKNOWN_TOPIC,
            KafkaError._UNKNOWN_PARTITION,
        )
        self.exists = code == KafkaError.TOPIC_ALREADY_EXISTS
        self.unreachable = code in (
            KafkaError._TRANSPORT,
            KafkaError._TIMED_OUT,
            KafkaError._ALL_BROKERS_DOWN,
            KafkaError._RESOLVE,
        )
        super().__init__(plain_words(error.str()))


class Answer(Generic[AnswerT]):
    """What brokers answer to requests, once they have."""

    def __init__(
        self, futures: Sequence[Future[Any]], make: Callable[[list[Any]], AnswerT]
    ) -> None:
        self._futures, self._make = futures, make

    @property
    def has_come(self) -> bool:
        """Whether all requests are answered or have failed."""
        return all(each.done() for each in self._futures)

    def result(self) -> AnswerT:
        """The answer, which has come; raises `KafkaFailed`."""
        try:
            return self._make([each.result(0) for each in self._futures])
        except KafkaException as error:
            raise KafkaFailed(error.args[0]) from None


def _configured(server: KafkaServer, ours: Mapping[str, str], make: Any, **more: Any) -> Any:
    """A client of the library; raises `LogRefused` for options that it does not take."""
    given = server.configuration()
    options = {**CLIENT, **ours, **given, **more}
    try:
        return make(options)
    except KafkaException as error:
        words = error.args[0].str()
        for name, _ in server.secrets:
            words = words.replace(given[name], "…") if given[name] else words
        raise LogRefused(f"{server.url}: {plain_words(words)}") from None
    except (TypeError, ValueError) as error:  # an option that takes no text
        raise LogRefused(f"{server.url}: {error}") from None


def check_options(server: KafkaServer) -> None:
    """Raise `LogRefused` for options that librdkafka refuses, or files that it cannot read."""
    _configured(server, CONSUMER, Consumer).close()


class _LastError:
    """The last error of a connection, in words of librdkafka."""

    words = ""

    def note(self, error: Any) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # it follows the error that says why
            self.words = plain_words(error.str())


_unused: deque[AdminClient] = deque()
"""Clients of the library that nobody uses any more.

They are freed by a thread of this program. A thread of librdkafka, in which Python may find them as
garbage while it takes an answer, must not do so: librdkafka would end the process.
"""


class BrokerClient:
    """Asks the brokers of a cluster. Raises `LogRefused` for options that librdkafka refuses."""

    def __init__(self, server: KafkaServer) -> None:
        _unused.clear()
        self.server = server
        self._error = _LastError()
        self._admin = _configured(server, {}, AdminClient, error_cb=self._error.note)
        weakref.finalize(self, _unused.append, self._admin).atexit = False

    @property
    def problem(self) -> str:
        """The last error of the connection, in words of librdkafka."""
        return self._error.words

    def forget_problem(self) -> None:
        """Note that the connection is in order."""
        self._error.words = ""

    def poll(self) -> None:
        """Take the errors of the connection that have come."""
        self._admin.poll(0)

    def topic(self, name: str) -> Answer[TopicFacts]:
        """Ask what a topic is."""
        return Answer([self._described(name)], lambda found: _facts(found[0]))

    def _described(self, name: str) -> Future[Any]:
        asked = self._admin.describe_topics(TopicCollection([name]), request_timeout=ANSWER_S)
        found: Future[Any] = asked[name]
        return found

    def places(
        self, topic: str, partition: int, times_ns: Sequence[int] = ()
    ) -> Answer[PartitionPlaces]:
        """Ask for the places in a partition, and those of times in ns since 1970."""
        specs = [OffsetSpec.earliest(), OffsetSpec.latest()]
        specs += [OffsetSpec.for_timestamp(max(0, each // 1_000_000)) for each in times_ns]
        place = TopicPartition(topic, partition)
        asked = [
            self._admin.list_offsets({place: spec}, request_timeout=ANSWER_S)[place]
            for spec in specs
        ]
        return Answer([self._described(topic), *asked], _places)

    def largest_batch(self, topic: str) -> Answer[int]:
        """Ask how many bytes a topic takes at once."""
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        asked = self._admin.describe_configs([resource], request_timeout=ANSWER_S)[resource]
        return Answer([asked], lambda found: int(found[0]["max.message.bytes"].value))

    def create(self, topic: str, partitions: int) -> Answer[None]:
        """Ask for a new topic."""
        asked = self._admin.create_topics(
            [NewTopic(topic, partitions)], operation_timeout=ANSWER_S, request_timeout=ANSWER_S
        )
        return Answer([asked[topic]], lambda _: None)


def _facts(described: Any) -> TopicFacts:
    return TopicFacts(str(described.topic_id), len(described.partitions))


def _places(found: list[Any]) -> PartitionPlaces:
    described, low, high, *at = found
    return PartitionPlaces(
        _facts(described),
        low.offset,
        high.offset,
        [OffsetAt(each.offset, each.timestamp * 1_000_000) for each in at],
    )


class PlaceLost(Exception):
    """The place in a partition is not there: its message has gone, or is not there yet."""


class PartitionConsumer:
    """The messages of a partition from a place on."""

    def __init__(self, server: KafkaServer, topic: str, partition: int) -> None:
        self._place = TopicPartition(topic, partition)
        self._consumer = _configured(server, CONSUMER, Consumer)
        self.end = -1
        """The offset behind all that could be read when the end was reached last; -1 before.

        There may be none of the messages before it: ends of transactions have offsets, too.
        """

    def go(self, offset: int) -> None:
        """Go to an offset."""
        self.end = -1
        self._consumer.assign([TopicPartition(self._place.topic, self._place.partition, offset)])

    def leave(self) -> None:
        """Have no place."""
        self.end = -1
        self._consumer.unassign()

    def take(self, most: int) -> list[KafkaRecord]:
        """The messages that have come, at most ``most``.

        Raises `PlaceLost`, and `KafkaFailed` for anything else that is wrong with the partition.
        """
        found: list[KafkaRecord] = []
        for each in self._consumer.consume(most, 0):
            error = each.error()
            if error is None:
                _, time_ms = each.timestamp()
                found.append(KafkaRecord(each.offset(), time_ms * 1_000_000, each.value() or b""))
            elif error.code() == KafkaError._PARTITION_EOF:
                self.end = each.offset()
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise PlaceLost
            elif not found:
                raise KafkaFailed(error)
        return found

    @property
    def high(self) -> int:
        """The offset behind the last message, as far as it is known here; else negative."""
        _, high = self._consumer.get_watermark_offsets(self._place, cached=True)
        return int(high)

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()


class MessageProducer:
    """Sends messages.

    ``answered`` is called for each message that was sent, once brokers have answered: with the
    words of an error, or an empty text, and with the number of its events. Topics take at least
    ``largest_batch`` bytes at once; None: this is not known.
    """

    def __init__(
        self,
        server: KafkaServer,
        answered: Callable[[str, int], None],
        largest_batch: int | None = None,
    ) -> None:
        batch = {}
        if largest_batch is not None:
            batch["batch.size"] = str(min(largest_batch, MOST_BATCH_BYTES))
        self._producer = _configured(server, PRODUCER | batch, Producer)
        self._answered = answered

    def send(self, topic: str, partition: int, time_ns: int, data: bytes, events: int) -> bool:
        """Send a message that holds a number of events, with a timestamp in ns since 1970.

        Returns False, and sends nothing, if the queue of the library is full.
        """

        def delivered(error: Any, _message: Any) -> None:
            self._answered("" if error is None else error.str(), events)

        try:
            self._producer.produce(
                topic,
                data,
                partition=partition,
                timestamp=max(0, time_ns // 1_000_000),
                on_delivery=delivered,
            )
        except BufferError:
            return False
        except KafkaException as error:
            self._answered(error.args[0].str(), events)
        return True

    def poll(self) -> None:
        """Take the answers of brokers that have come."""
        self._producer.poll(0)

    @property
    def unsent(self) -> int:
        """How many messages brokers have not answered yet."""
        return len(self._producer)

    def flush(self, seconds: float) -> int:
        """Wait until all messages are sent, at most for a time; how many are left."""
        return int(self._producer.flush(seconds))

    def give_up(self) -> None:
        """Fail all messages that are not sent yet."""
        self._producer.purge()
        self._producer.flush(GIVE_UP_S)

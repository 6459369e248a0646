"""Sends each posted result to a Kafka topic, for consumers that do not speak EPICS."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple, Protocol

from ioc.model.pvs import reduction_prefix
from reduction.host.file_system.file_threads import in_thread
from reduction.kafka.servers import KafkaServer, ResultTopic, SentSpectra
from reduction.parameters.readings import SeriesReadings
from reduction.results.outgoing.da00_message import (
    SpectrumSource,
    da00_message,
    group_source,
    series_source,
    slice_source,
    sum_source,
)
from reduction.results.views import PostedReduction

ANSWERS_S = 0.2
"""How often the answers of brokers are taken."""

MOST_SENT = 100
"""Most slices, groups and closed series of a result that are sent."""

NOT_TAKEN = "brokers do not take what is sent"

LAST_RESULTS_S = 1.0
"""How long the end waits until the last results are sent."""

OPTIONS = (
    ("queue.buffering.max.kbytes", "65536"),
    ("message.timeout.ms", "5000"),
    ("enable.idempotence", "false"),
    ("acks", "1"),
)
"""Options of librdkafka: a result that is not sent in 5 s is dropped, as are those beyond 64 MB."""


class ResultProducer(Protocol):
    """Sends messages without waiting, as `reduction.kafka.client.MessageProducer`."""

    def send(self, topic: str, partition: int, time_ns: int, data: bytes, events: int) -> bool:
        """Send a message to a partition; False, and nothing is sent, if there is no room for it."""

    def poll(self) -> None:
        """Take the answers of brokers that have come."""

    def flush(self, seconds: float) -> int:
        """Wait until all messages are sent, at most for a time; how many are left."""


MakeProducer = Callable[[Callable[[str, int], None]], ResultProducer]
"""Makes a producer, which calls a function with what is wrong (empty: nothing) of each message."""


def kafka_producer(topic: ResultTopic) -> MakeProducer:
    """How to make the producer for a topic; raises
    `reduction.event_log.protocol.LogRefused` if confluent-kafka is missing.
    """
    from reduction.kafka.client import MessageProducer  # confluent-kafka is optional

    given = topic.server
    server = KafkaServer(given.brokers, (*OPTIONS, *given.options), given.secrets)
    return lambda failed: MessageProducer(server, failed)


class TimedResult(NamedTuple):
    """A posted result, and the time of its last pulse, ns since the Unix epoch."""

    posted: PostedReduction
    time_ns: int


class SentSeries(NamedTuple):
    """A closed series as it was sent: what its spectrum depends on."""

    generation: int
    pulse_first: int
    pulse_last: int


def spectra_of(
    prefix: str, posted: PostedReduction, kinds: frozenset[SentSpectra]
) -> Iterator[SpectrumSource]:
    """The sum over slices and groups, and the spectra of the kinds that are asked for.

    Of slices and of groups the first `MOST_SENT` are sent, of closed series the last ones.
    """
    view = posted.view
    yield sum_source(f"{prefix}Spec", posted)
    if SentSpectra.SLICES in kinds:
        for number in range(min(len(view.slices), MOST_SENT)):
            yield slice_source(f"{prefix}Slice{number + 1}", posted, view.slices[number])
    if SentSpectra.GROUPS in kinds:
        for number in range(min(len(view.groups), MOST_SENT)):
            yield group_source(f"{prefix}Group{number + 1}", posted, view.groups[number])
    if SentSpectra.SERIES in kinds:
        for number in range(max(0, len(view.series) - MOST_SENT), len(view.series)):
            yield series_source(f"{prefix}Series{number + 1}", posted, view.series[number])


class KafkaResults:
    """Sends the newest result of each reduction while `run` runs; nothing waits for a broker.

    Results that come faster than they can be encoded are dropped, but for the newest one.
    """

    def __init__(self, topic: ResultTopic, prefix: str, make: MakeProducer) -> None:
        self._topic, self._prefix = topic, prefix
        self._producer = make(self._answered)
        self._offered: dict[int, PostedReduction] = {}
        self._waiting: dict[int, TimedResult] = {}
        self._series: dict[str, SentSeries] = {}
        """The closed series as they were sent last, by the name of the source."""
        self._wake = asyncio.Event()
        self._why = ""

    @property
    def problem(self) -> str:
        """Why results are not sent; empty if they are."""
        return f"results are not sent to {self._topic}: {self._why}" if self._why else ""

    def _answered(self, why: str, _events: int) -> None:
        self._why = why

    def offer(self, posted: Mapping[int, PostedReduction], time_ns: int) -> None:
        """Take the posted results, by index of the reduction; those that are new are sent."""
        for number, each in posted.items():
            if self._offered.get(number) is not each:
                self._offered[number] = each
                self._waiting[number] = TimedResult(each, time_ns)
                self._wake.set()

    async def run(self) -> None:
        """Send what is offered, until cancelled."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), ANSWERS_S)
                self._wake.clear()
                await self._send()
                self._producer.poll()
        finally:
            await in_thread(lambda: self._producer.flush(LAST_RESULTS_S))

    async def _send(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for number, (posted, time_ns) in waiting.items():
            prefix = self._prefix + reduction_prefix(number)
            for source in spectra_of(prefix, posted, self._topic.spectra):
                if self._is_new(source):
                    data = await in_thread(partial(da00_message, source, posted, time_ns))
                    if not self._producer.send(self._topic.name, 0, time_ns, data, 0):
                        self._answered(NOT_TAKEN, 0)

    def _is_new(self, source: SpectrumSource) -> bool:
        """Whether a spectrum may differ from the one that was sent; a closed series rarely does."""
        if not isinstance(source.readings, SeriesReadings):
            return True
        numbers = source.numbers
        found = SentSeries(*(int(numbers[each]) for each in SentSeries._fields))
        before, self._series[source.name] = self._series.get(source.name), found
        return found != before


def kafka_results(topic: ResultTopic | None, prefix: str) -> KafkaResults | None:
    """What sends results to a topic, if there is one."""
    return None if topic is None else KafkaResults(topic, prefix, kafka_producer(topic))

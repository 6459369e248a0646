"""What brokers say of topics, asked again and again, for all readers of a process."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable

from reduction.kafka.client import Answer, BrokerClient, KafkaFailed
from reduction.kafka.partition_places import TopicFacts
from reduction.kafka.streams import KafkaStream
from reduction.stream.dialect import Dialect

ASK_INTERVAL_S = 1.0
"""How often brokers are asked; also the time after which an answer is missed."""

ANSWER_WAIT_S = 5.0
"""How long to wait at the start for brokers to tell how topics are divided."""

COUNTS_POLL_S = 0.01


class TopicWatch:
    """The newest answers of brokers about topics.

    Readers call `look` often; it asks the brokers once a second. ``shares`` is the number of shares
    of the stream, those of all ranks together.
    """

    def __init__(
        self,
        client: BrokerClient,
        topics: Iterable[str],
        shares: int = 1,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client, self._shares, self._clock_s = client, shares, clock_s
        self._asked: dict[str, Answer[TopicFacts]] = {}
        self._facts: dict[str, TopicFacts] = {}
        self._missing: set[str] = set()
        self._wrong: dict[str, str] = dict.fromkeys(
            topics, f"{client.server.url}: no broker has answered yet"
        )
        self._topics = tuple(self._wrong)
        self._next_s = clock_s()

    def look(self) -> None:
        """Take what has come, and ask again if it is time to."""
        now_s = self._clock_s()
        if now_s >= self._next_s and not self._asked:
            self._next_s = now_s + ASK_INTERVAL_S
            self._asked = {name: self.client.topic(name) for name in self._topics}
        if not self._asked:
            return
        self.client.poll()
        for name in [name for name, answer in self._asked.items() if answer.has_come]:
            self._take(name, self._asked.pop(name))
        if self._asked and now_s >= self._next_s and self.client.problem:
            self._wrong.update(dict.fromkeys(self._asked, self._away(self.client.problem)))

    def _take(self, name: str, answer: Answer[TopicFacts]) -> None:
        try:
            self._facts[name] = answer.result()
        except KafkaFailed as failed:
            self._wrong[name] = self._words(name, failed)
            if failed.topic_missing:
                self._facts.pop(name, None)
                self._missing.add(name)
        else:
            self._missing.discard(name)
            self._wrong[name] = ""
            self.client.forget_problem()

    def _words(self, name: str, failed: KafkaFailed) -> str:
        """What is wrong, in words."""
        url = self.client.server.url
        if failed.topic_missing:
            return f"{url}: topic {name} does not exist"
        if failed.unreachable:
            return self._away(self.client.problem or str(failed))
        return f"{url}: {failed}"

    def _away(self, why: str) -> str:
        return f"{self.client.server.url}: no broker answers: {why}"

    def facts(self, topic: str) -> TopicFacts | None:
        """What a topic was when the brokers answered last; None if it does not exist."""
        return self._facts.get(topic)

    def is_missing(self, topic: str) -> bool:
        """Whether brokers have answered that a topic does not exist."""
        return topic in self._missing

    @property
    def identity(self) -> str:
        """A name of the topics as they are divided; empty unless all exist.

        Places in the shares of a stream mean the same as long as it stays.
        """
        if len(self._facts) < len(self._topics):
            return ""
        topics = " ".join(f"{name} {self._facts[name].identity}" for name in self._topics)
        return hashlib.sha256(f"{topics} {self._shares}".encode()).hexdigest()[:32]

    @property
    def answered(self) -> bool:
        """Whether it is known of each topic what it is, or that it does not exist."""
        return all(name in self._facts or name in self._missing for name in self._topics)

    def message(self, topic: str) -> str:
        """What is wrong with a topic or with the brokers, in words; empty if all is well."""
        return self._wrong[topic]


def partition_counts(client: BrokerClient, stream: KafkaStream, assumed: int) -> dict[str, int]:
    """The number of partitions of each topic of a stream, by its name.

    Topics that do not answer are taken to have one partition each, or the ``assumed`` number where
    there may be marks.
    """
    watch = TopicWatch(client, stream.names)
    deadline_s = time.monotonic() + ANSWER_WAIT_S
    watch.look()
    while not watch.answered and time.monotonic() < deadline_s:
        time.sleep(COUNTS_POLL_S)
        watch.look()
    otherwise = 1 if stream.dialect is Dialect.PLAIN else assumed
    facts = {name: watch.facts(name) for name in stream.names}
    return {name: each.partitions if each else otherwise for name, each in facts.items()}

"""Where a stream lies in Kafka: the brokers, options of librdkafka, and a reader's share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reduction.event_log.protocol import LogRefused

SCHEME = "kafka://"

LOOK_BACK_MESSAGES = 10_000
"""A reader of a topic of logs finds last values in this number of messages before a place."""


@dataclass(frozen=True)
class KafkaServer:
    """The brokers of a cluster, and how to speak to them.

    - ``brokers``: host:port, several separated by commas
    - ``options``: names and values of librdkafka's options, which have precedence over ours
    - ``secrets``: names of further options, and the files that hold their values
    """

    brokers: str
    options: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, Path], ...] = ()

    @property
    def url(self) -> str:
        """The name of the cluster in messages."""
        return SCHEME + self.brokers

    def configuration(self) -> Mapping[str, str]:
        """All options with their values; raises `LogRefused` for a file that cannot be read.

        Values from files are secrets: do not show them.
        """
        found = {"bootstrap.servers": self.brokers, **dict(self.options)}
        for name, path in self.secrets:
            try:
                found[name] = path.read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise LogRefused(f"{name}: file {path}: {why}") from None
        return found


@dataclass(frozen=True)
class ResultTopic:
    """The topic that results go to."""

    server: KafkaServer
    name: str

    def __str__(self) -> str:
        return f"{self.server.url}/{self.name}"


def topic_at(address: str) -> ResultTopic:
    """The topic at an address like ``kafka://host:9092/topic``; raises `LogRefused`.

    Further hosts are separated by commas.
    """
    brokers, _, name = address.removeprefix(SCHEME).partition("/")
    if not address.startswith(SCHEME) or not brokers or not re.fullmatch(r"[\w.-]+", name):
        raise LogRefused(f"no address of the form {SCHEME}host:9092/topic")
    return ResultTopic(KafkaServer(brokers), name)


@dataclass(frozen=True)
class TopicShare:
    """What one reader reads: all of a partition of a topic, or every nth message with events.

    - ``index``, ``of``: the reader gives the ``ev44`` messages whose offset modulo ``of`` is
      ``index``; messages of other schemas go to all ``of`` readers
    - ``look_back``: this number of messages before a place is read for the last values of logs
    """

    topic: str
    partition: int = 0
    index: int = 0
    of: int = 1
    look_back: int = 0

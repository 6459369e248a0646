"""The brokers of a Kafka cluster with the options of librdkafka, and a topic for results."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reduction.event_log.protocol import LogRefused
from reduction.host.regular_files import read_regular_file

SCHEME = "kafka://"

LARGEST_SECRET_BYTES = 64 << 10


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
                content = read_regular_file(path, LARGEST_SECRET_BYTES)
                found[name] = content.decode("utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise LogRefused(f"{name}: file {path}: {why}") from None
        return found


class SentSpectra(enum.StrEnum):
    """Spectra of a result that can be sent beside the sum over slices and groups."""

    SLICES = "slices"
    GROUPS = "groups"
    SERIES = "series"


@dataclass(frozen=True)
class ResultTopic:
    """The topic that results go to, and which spectra go there beside the sum."""

    server: KafkaServer
    name: str
    spectra: frozenset[SentSpectra] = frozenset()

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

"""The brokers of a Kafka cluster with the options of librdkafka, and a topic for results."""

from __future__ import annotations

import enum
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reduction.event_log.protocol import LogRefused
from reduction.host.file_system.regular_files import read_regular_file

SCHEME = "kafka://"

LARGEST_SECRET_BYTES = 64 << 10

BROKER = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.%]+\])(?::(\d{1,5}))?")
"""The address of a broker; the port is 9092 if it is not there."""

TOPIC = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}")
"""A name that Kafka allows for a topic."""


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
            if not found[name]:
                raise LogRefused(f"{name}: file {path}: it is empty")
        return found

    @property
    def open_secrets(self) -> list[Path]:
        """The files with secrets that every user of this host can read."""
        return [path for _, path in self.secrets if path.stat().st_mode & stat.S_IROTH]


def brokers_of(text: str) -> str:
    """The addresses of brokers in a text, where they are separated by commas, without spaces.

    Raises `LogRefused` for a text that has others.
    """
    addresses = [each.strip() for each in text.split(",")]
    for each in addresses:
        found = BROKER.fullmatch(each)
        if found is None or not 0 < int(found[1] or 9092) < 2**16:
            raise LogRefused(f"{each!r} is no address of a broker, like host:9092")
    return ",".join(addresses)


def checked_topic(name: str) -> str:
    """The name of a topic; raises `LogRefused` for one that Kafka does not allow."""
    if not TOPIC.fullmatch(name):
        raise LogRefused(
            f"{name[:60]!r} is no name of a topic: 1 to 249 letters, digits and the signs . _ -"
        )
    return name


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
    if not address.startswith(SCHEME) or not brokers or not TOPIC.fullmatch(name):
        raise LogRefused(f"no address of the form {SCHEME}host:9092/topic")
    return ResultTopic(KafkaServer(brokers_of(brokers)), name)

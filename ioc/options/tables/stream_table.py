"""Where the event stream comes from: ``--stream``, or the table ``[stream]`` of a TOML file."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ioc.options.program import StartError
from ioc.options.tables.librdkafka_table import librdkafka_options
from ioc.options.tables.toml_text import read_toml
from reduction.event_log.protocol import LogRefused
from reduction.kafka.servers import SCHEME, KafkaServer, brokers_of, checked_topic
from reduction.kafka.streams import KafkaStream, KafkaTopic, stream_at
from reduction.messages.contents import PULSE_MARK
from reduction.parameters.reduction import TIME_LOG
from reduction.parameters.specs import nearest
from reduction.stream.dialect import Dialect
from reduction.stream.log_values.logs import LONGEST_LOG_NAME
from reduction.stream.used_sources import UsedSources

KEYS = ("servers", "dialect", "detectors", "monitors", "logs", "runs", "pulses", "librdkafka")
EVERY_SOURCE = "*"
"""All sources of a topic, under their own names."""


def kafka_stream(text: str, dialect: str) -> KafkaStream | None:
    """The stream that ``--stream`` names: an address, or a file with a table; None if it is empty.

    ``dialect`` is the one of ``--dialect``, which the table may tell instead. Raises `StartError`,
    also for options and files that the library for Kafka refuses, and if that is missing.
    """
    if not text:
        return None
    stream = _stream(text, dialect)
    try:
        importlib.import_module("reduction.kafka.client").check_options(stream.server)
    except LogRefused as error:
        raise StartError(f"stream: {error.strerror}") from None
    return stream


def _stream(text: str, dialect: str) -> KafkaStream:
    """The stream of an address, or of a file with a table."""
    if text.startswith(SCHEME):
        try:
            return stream_at(text, Dialect(dialect))
        except LogRefused as error:
            raise StartError(f"stream = {text!r}: {error.strerror}") from None
    path = Path(text)
    table = read_toml(path, "stream: ").get("stream")
    if not isinstance(table, Mapping):
        raise StartError(f"{path}: there is no table [stream] in it")
    return from_table(f"{path}: stream", table, dialect)


def from_table(where: str, table: Mapping[str, Any], dialect: str = "auto") -> KafkaStream:
    """The stream of a table; raises `StartError` that begins with ``where``."""
    for key in table:
        if key not in KEYS:
            raise StartError(f"{where}: no setting is called {key!r}" + nearest(key, KEYS))
    servers = table.get("servers", "")
    told = table.get("dialect", dialect)
    if told not in list(Dialect):
        raise StartError(f"{where}.dialect = {told!r}: it is one of {', '.join(Dialect)}")
    options, secrets = librdkafka_options(f"{where}.librdkafka", table.get("librdkafka", {}))
    server = KafkaServer(_brokers(where, servers), options, secrets)
    topics = tuple(_topics(where, table))
    pulses = _pulse_log(where, table.get("pulses", ""), topics)
    return KafkaStream(server, topics, Dialect(told), pulses)


def _brokers(where: str, servers: Any) -> str:
    """The addresses of brokers; the topics stand elsewhere in the table."""
    try:
        return brokers_of(servers.removeprefix(SCHEME).removesuffix("/"))
    except (AttributeError, LogRefused):
        raise StartError(
            f"{where}.servers = {servers!r}: the address of a broker, like host:9092,"
            " or several, separated by commas"
        ) from None


def _pulse_log(where: str, name: Any, topics: Sequence[KafkaTopic]) -> str:
    """The log that has a value for each pulse; raises `StartError` if no topic can have it."""
    if not isinstance(name, str):
        raise StartError(f"{where}.pulses = {name!r}: the name of a log")
    logs = [each.sources.logs for each in topics]
    if name and None not in logs and not any(name in (each or {}).values() for each in logs):
        raise StartError(f"{where}.pulses = {name!r}: no log in logs is called so")
    return name


def _topics(where: str, table: Mapping[str, Any]) -> Iterator[KafkaTopic]:
    """The topics of a table, and which of their sources are used."""
    detectors = dict.fromkeys(_names(f"{where}.detectors", table.get("detectors", [])))
    monitors = _table(f"{where}.monitors", table.get("monitors", {}), int)
    logs = _log_names(f"{where}.logs", table.get("logs", []))
    runs = _names(f"{where}.runs", table.get("runs", []))
    by_topic = {_split(name)[0]: None for name in (*detectors, *monitors, *logs, *runs)}
    if not detectors and not monitors:
        raise StartError(f"{where}: no topic with events: detectors = ['topic', ...]")
    for topic in by_topic:
        _check_topic(where, topic, detectors, logs)
        sources = UsedSources(
            None if topic in detectors else frozenset(_of(topic, detectors)),
            {source: int(monitors[f"{topic}/{source}"]) for source in _of(topic, monitors)},
            None if topic in logs else {each: logs[f"{topic}/{each}"] for each in _of(topic, logs)},
        )
        yield KafkaTopic(topic, sources, has_runs=topic in {_split(each)[0] for each in runs})


def _check_topic(where: str, topic: str, detectors: Iterable[str], logs: Mapping[str, str]) -> None:
    """Raise `StartError` for a name that Kafka does not allow, or for sources named twice."""
    try:
        checked_topic(topic)
    except LogRefused as error:
        raise StartError(f"{where}: {error.strerror}") from None
    for key, names in (("detectors", detectors), ("logs", logs)):
        if topic in names and (sources := _of(topic, names)):
            raise StartError(
                f"{where}.{key}: {topic!r} takes all sources,"
                f" and '{topic}/{sources[0]}' one of them"
            )


def _split(name: str) -> tuple[str, str]:
    """Topic and source of ``topic/source``."""
    topic, _, source = name.partition("/")
    return topic, source


def _of(topic: str, names: Iterable[str]) -> list[str]:
    """The sources that are named of a topic."""
    pairs = (_split(name) for name in names)
    return [source for each, source in pairs if each == topic and source]


def _names(where: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise StartError(f"{where} = {value!r}: a list of topics, or of 'topic/source'")
    if twice := _repeated(value):
        raise StartError(f"{where}: {twice!r} stands there twice")
    return value


def _repeated(names: Iterable[str]) -> str | None:
    """The first name that comes a second time; None if none does."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _table(where: str, value: Any, kind: type) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise StartError(f"{where} = {value!r}: a table of 'topic/source'")
    for name, each in value.items():
        if not _split(name)[1]:
            raise StartError(f"{where}: {name!r}: it is 'topic/source'")
        if type(each) is not kind or (isinstance(each, int) and not 0 <= each < 2**31):
            what = "a pixel id" if kind is int else "a name"
            raise StartError(f"{where}: {name!r} = {each!r}: it is {what}")
    return dict(value)


def _log_names(where: str, value: Any) -> dict[str, str]:
    """The names of logs here, by 'topic/source'; a whole topic has `EVERY_SOURCE`."""
    if isinstance(value, list):
        found = {name: _split(name)[1] or EVERY_SOURCE for name in _names(where, value)}
    elif isinstance(value, Mapping):
        whole = {name: each for name, each in value.items() if each == EVERY_SOURCE}
        named = {name: each for name, each in value.items() if name not in whole}
        found = _table(where, named, str) | whole
    else:
        raise StartError(f"{where} = {value!r}: a table of 'topic/source', or a list of topics")
    for name, each in found.items():
        if each == EVERY_SOURCE and _split(name)[1]:
            raise StartError(f"{where}: {name!r} = {EVERY_SOURCE!r}: that is for a whole topic")
        if each in (PULSE_MARK, TIME_LOG) or not 0 < len(each) <= LONGEST_LOG_NAME:
            raise StartError(
                f"{where}: {name!r} = {each[:60]!r}: a name of at most {LONGEST_LOG_NAME}"
                f" characters, but not {PULSE_MARK} or {TIME_LOG}"
            )
    if twice := _repeated(each for each in found.values() if each != EVERY_SOURCE):
        raise StartError(f"{where}: two sources are called {twice!r}")
    return found

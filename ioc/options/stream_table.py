"""Where the event stream comes from: ``--stream``, or the table ``[stream]`` of a TOML file."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ioc.options.program import StartError
from ioc.options.toml_text import read_toml
from reduction.event_log.protocol import LogRefused
from reduction.kafka.servers import SCHEME, KafkaServer
from reduction.kafka.streams import KafkaStream, KafkaTopic, stream_at
from reduction.parameters.specs import nearest
from reduction.stream.dialect import Dialect
from reduction.stream.used_sources import UsedSources

KEYS = ("servers", "dialect", "detectors", "monitors", "logs", "runs", "pulses", "librdkafka")
FROM_FILE = "_file"
"""An option of librdkafka whose name has this behind it has its value in a file."""

SECRET = ("password", "secret", "ssl.key.pem", "ssl.keystore.pem")
"""Parts of names of librdkafka's options whose values are secrets."""

OURS = ("bootstrap.servers", "group.", "enable.auto.", "auto.offset.reset", "isolation.level")
"""Beginnings of names of librdkafka's options that are not to be set."""

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
    if not isinstance(servers, str) or not servers.removeprefix(SCHEME):
        raise StartError(f"{where}.servers = {servers!r}: the address of a broker, like host:9092")
    told = table.get("dialect", dialect)
    if told not in list(Dialect):
        raise StartError(f"{where}.dialect = {told!r}: it is one of {', '.join(Dialect)}")
    options, secrets = librdkafka_options(f"{where}.librdkafka", table.get("librdkafka", {}))
    server = KafkaServer(servers.removeprefix(SCHEME), options, secrets)
    pulses = table.get("pulses", "")
    if not isinstance(pulses, str):
        raise StartError(f"{where}.pulses = {pulses!r}: the name of a log")
    return KafkaStream(server, tuple(_topics(where, table)), Dialect(told), pulses)


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
        sources = UsedSources(
            None if topic in detectors else frozenset(_of(topic, detectors)),
            {source: int(monitors[f"{topic}/{source}"]) for source in _of(topic, monitors)},
            None if topic in logs else {each: logs[f"{topic}/{each}"] for each in _of(topic, logs)},
        )
        yield KafkaTopic(topic, sources, has_runs=topic in {_split(each)[0] for each in runs})


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
    return value


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
        return {name: _split(name)[1] or EVERY_SOURCE for name in _names(where, value)}
    topics = {name for name, each in value.items() if each == EVERY_SOURCE} if value else set()
    named = {name: each for name, each in value.items() if name not in topics} if value else {}
    return _table(where, named, str) | dict.fromkeys(topics, EVERY_SOURCE)


def librdkafka_options(
    where: str, value: Any
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, Path], ...]]:
    """Options of librdkafka, and the files with further ones."""
    if not isinstance(value, Mapping):
        raise StartError(f"{where} = {value!r}: a table")
    options, secrets = [], []
    for name, each in _flat(value):
        if name.startswith(OURS):
            raise StartError(f"{where}: {name} is not to be set")
        if isinstance(each, bool):
            options.append((name, str(each).lower()))
        elif name.endswith(FROM_FILE):
            secrets.append((name.removesuffix(FROM_FILE), Path(str(each)).expanduser()))
        elif any(part in name for part in SECRET):
            raise StartError(
                f"{where}: {name}: keep it in a file, and name that: {name}{FROM_FILE}"
            )
        elif isinstance(each, str | int | float):
            options.append((name, str(each)))
        else:
            raise StartError(f"{where}: {name} = {each!r}: a text or a number")
    return tuple(options), tuple(secrets)


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Names with dots, whether they are quoted in the file or not."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield before + key, value

"""Where results go: ``--publish``, or the table ``[publish]`` of a TOML file."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ioc.options.program import StartError
from ioc.options.stream_table import librdkafka_options
from reduction.event_log.protocol import LogRefused
from reduction.kafka.servers import SCHEME, KafkaServer, ResultTopic, topic_at
from reduction.parameters.specs import nearest

KEYS_OF_PUBLISH = ("topic", "librdkafka")


def result_topic(text: str) -> ResultTopic | None:
    """The topic that ``--publish`` names: an address, or a file with a table; None if it is empty.

    Raises `StartError`, also if the library for Kafka is missing.
    """
    if not text:
        return None
    topic = _topic(text) if text.startswith(SCHEME) else _from_file(Path(text))
    try:
        importlib.import_module("reduction.kafka.client")
    except LogRefused as error:
        raise StartError(f"publish = {text!r}: {error.strerror}") from None
    return topic


def check_publish(text: str) -> None:
    """Raise `StartError` for what names no topic."""
    result_topic(text)


def _topic(address: str) -> ResultTopic:
    try:
        return topic_at(address)
    except LogRefused as error:
        raise StartError(f"publish = {address!r}: {error.strerror}") from None


def _from_file(path: Path) -> ResultTopic:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("publish")
    except OSError as error:
        raise StartError(f"publish: {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartError(f"{path}: {error}") from None
    if not isinstance(table, Mapping):
        raise StartError(f"{path}: there is no table [publish] in it")
    return publish_table(f"{path}: publish", table)


def publish_table(where: str, table: Mapping[str, Any]) -> ResultTopic:
    """The topic of a table; raises `StartError` that begins with ``where``."""
    for key in table:
        if key not in KEYS_OF_PUBLISH:
            raise StartError(
                f"{where}: no setting is called {key!r}" + nearest(key, KEYS_OF_PUBLISH)
            )
    address = table.get("topic", "")
    if not isinstance(address, str):
        raise StartError(f"{where}.topic = {address!r}: an address like {SCHEME}host:9092/topic")
    topic = _topic(address)
    options, secrets = librdkafka_options(f"{where}.librdkafka", table.get("librdkafka", {}))
    return ResultTopic(KafkaServer(topic.server.brokers, options, secrets), topic.name)

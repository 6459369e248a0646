"""Where results go: ``--publish``, or the table ``[publish]`` of a TOML file."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ioc.options.program import StartError
from ioc.options.tables.librdkafka_table import librdkafka_options
from ioc.options.tables.toml_text import read_toml
from reduction.event_log.protocol import LogRefused
from reduction.kafka.servers import SCHEME, KafkaServer, ResultTopic, SentSpectra, topic_at
from reduction.parameters.specs import nearest

KEYS_OF_PUBLISH = ("topic", "spectra", "librdkafka")


def result_topic(text: str, spectra: str = "") -> ResultTopic | None:
    """The topic that ``--publish`` names: an address, or a file with a table; None if it is empty.

    ``spectra`` names those beside the sum, separated by commas, unless the table does. Raises
    `StartError`, also if the library for Kafka is missing.
    """
    if not text:
        return None
    topic = _topic(text) if text.startswith(SCHEME) else _from_file(Path(text))
    if not topic.spectra:
        topic = replace(topic, spectra=_spectra("publish_spectra", spectra.split(",")))
    try:
        importlib.import_module("reduction.kafka.client")
    except LogRefused as error:
        raise StartError(f"publish = {text!r}: {error.strerror}") from None
    return topic


def check_publish(text: str) -> None:
    """Raise `StartError` for what names no topic."""
    result_topic(text)


def check_spectra(text: str) -> None:
    """Raise `StartError` for a word that names no spectra."""
    _spectra("publish_spectra", text.split(","))


def _spectra(where: str, words: Any) -> frozenset[SentSpectra]:
    """The spectra that words name; raises `StartError`."""
    if not isinstance(words, list) or not all(isinstance(each, str) for each in words):
        raise StartError(f"{where} = {words!r}: a list of {', '.join(SentSpectra)}")
    named = [each.strip() for each in words if each.strip()]
    for each in named:
        if each not in list(SentSpectra):
            raise StartError(f"{where}: {each!r}: they are {', '.join(SentSpectra)}")
    return frozenset(SentSpectra(each) for each in named)


def _topic(address: str) -> ResultTopic:
    try:
        return topic_at(address)
    except LogRefused as error:
        raise StartError(f"publish = {address!r}: {error.strerror}") from None


def _from_file(path: Path) -> ResultTopic:
    table = read_toml(path, "publish: ").get("publish")
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
    spectra = _spectra(f"{where}.spectra", table.get("spectra", []))
    options, secrets = librdkafka_options(f"{where}.librdkafka", table.get("librdkafka", {}))
    server = KafkaServer(topic.server.brokers, options, secrets)
    return ResultTopic(server, topic.name, spectra)

"""TLS with a real broker: what is wrong with certificates and keys is told in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reduction.event_log.protocol import LogRefused
from reduction.kafka.servers import KafkaServer
from tests.support.kafka.kafka_broker import KafkaBroker, Topic, wait_until
from tests.support.kafka.tls import KEY_PASSWORD, Certificates

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")

from reduction.kafka.client import BrokerClient
from reduction.kafka.topic_watch import TopicWatch


@pytest.fixture(scope="module")
def topic(tls_broker: KafkaBroker) -> Iterator[Topic]:
    made = Topic(tls_broker, "events")
    made.make()
    yield made
    made.delete()


def server(topic: Topic, listener: str, *options: tuple[str, Path], password: Path) -> KafkaServer:
    named = tuple((name, str(path)) for name, path in options)
    return KafkaServer(
        topic.broker.address_of(listener),
        (("security.protocol", "SSL"), *named),
        (("ssl.key.password", password),),
    )


def authority(path: Path) -> tuple[str, Path]:
    return "ssl.ca.location", path


def key_pair(certificate: Path, key: Path) -> tuple[tuple[str, Path], tuple[str, Path]]:
    return ("ssl.certificate.location", certificate), ("ssl.key.location", key)


def watched(topic: Topic, given: KafkaServer) -> TopicWatch:
    """What a watch has found out once brokers answer, or once it is told why they do not."""
    watch = TopicWatch(BrokerClient(given), [topic.name])

    def decided() -> bool:
        watch.look()
        return bool(watch.facts(topic.name)) or "no broker answers" in watch.message(topic.name)

    wait_until(decided)
    return watch


def test_certificates_that_are_right_open_the_connection(
    topic: Topic, certificates: Certificates
) -> None:
    ca, files = authority(certificates.authority), certificates
    for listener, options in (
        ("TLS", (ca,)),
        ("MUTUAL", (ca, *key_pair(files.client, files.client_key))),
    ):
        given = server(topic, listener, *options, password=files.password)
        watch = watched(topic, given)
        assert watch.message(topic.name) == ""
        assert watch.facts(topic.name) is not None
        assert KEY_PASSWORD not in repr(given)


NOT_TRUSTED = "its certificate is not trusted: it has expired, is for another host, or"
REFUSES = "it refuses the certificate of this client (ssl.certificate.location, ssl.key.location)"


@pytest.mark.parametrize(
    ("listener", "trusted", "pair", "words"),
    [
        ("TLS", "stranger", "", NOT_TRUSTED),
        ("EXPIRED", "authority", "", NOT_TRUSTED),
        ("MUTUAL", "authority", "", REFUSES),
        ("MUTUAL", "authority", "forged", REFUSES),
        ("PLAINTEXT", "authority", "", "this port may be one without TLS"),
    ],
)
def test_what_is_wrong_with_certificates_is_told_and_no_secret_with_it(
    topic: Topic, certificates: Certificates, listener: str, trusted: str, pair: str, words: str
) -> None:
    keys = (
        key_pair(getattr(certificates, pair), getattr(certificates, f"{pair}_key")) if pair else ()
    )
    ca = authority(getattr(certificates, trusted))
    given = server(topic, listener, ca, *keys, password=certificates.password)
    message = watched(topic, given).message(topic.name)
    assert f"no broker answers: {given.brokers}: " in message
    assert words in message
    assert KEY_PASSWORD not in message
    assert "error:" not in message


def test_a_key_that_is_wrong_is_refused_at_the_start(
    topic: Topic, certificates: Certificates
) -> None:
    files, ca = certificates, authority(certificates.authority)
    for key, password, words in (
        (files.forged_key, files.password, "the key in ssl.key.location is not that of"),
        (files.client_key, files.wrong_password, "ssl.key.password is wrong"),
        (files.client, files.password, "the key in ssl.key.location cannot be read"),
    ):
        given = server(topic, "MUTUAL", ca, *key_pair(files.client, key), password=password)
        with pytest.raises(LogRefused, match=words) as refused:
            BrokerClient(given)
        assert KEY_PASSWORD not in str(refused.value)
        assert KEY_PASSWORD[::-1] not in str(refused.value)

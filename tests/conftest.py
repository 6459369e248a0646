"""What tests of all packages share."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.clients.ca_client import Network, network
from tests.support.kafka.kafka_broker import KafkaBroker, Topic, why_no_broker
from tests.support.kafka.tls import Certificates, why_no_tls

# A busy machine, and code that is compiled for the first example, make no test fail.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(autouse=True, scope="session")
def _state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs that tests start keep their event logs in a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def net() -> Iterator[Network]:
    """Loopback alone, with a free port for a server."""
    with network() as made:
        yield made


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A Kafka broker that runs; a test that stops it starts it again."""
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    if why := why_no_broker():
        pytest.skip(why)
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The certificates and keys of a site."""
    if why := why_no_tls():
        pytest.skip(why)
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def tls_broker(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[KafkaBroker]:
    """A Kafka broker with TLS that runs."""
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    if why := why_no_broker():
        pytest.skip(why)
    broker = KafkaBroker(tmp_path_factory.mktemp("tls-kafka"), certificates=certificates)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def kafka_topic(kafka_broker: KafkaBroker) -> Topic:
    """A topic that is not made yet, of a name that nobody has."""
    return Topic(kafka_broker, f"topic-{secrets.token_hex(4)}")

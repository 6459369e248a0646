"""The whole product with a broker that wants TLS and a key: trouble is on PVs, and no secret is."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ioc.model.pvs import pv_rows
from reduction.event_log.entries import LogEntry
from tests.support.clients.ca_client import Network
from tests.support.kafka.kafka_broker import KafkaBroker, Topic
from tests.support.kafka.tls import KEY_PASSWORD, Certificates
from tests.support.product.live import Live
from tests.support.stream.event_logs import PERIOD_NS, pulse_entries

pytestmark = pytest.mark.timeout(360)

TABLE = """
ranks = 1

[stream]
servers = "{address}"
detectors = ["{topic}"]

[stream.librdkafka]
"security.protocol" = "SSL"
"ssl.ca.location" = "{authority}"
"ssl.certificate.location" = "{client}"
"ssl.key.location" = "{key}"
"ssl.key.password_file" = "{password}"
"""


def pulses_now(number: int) -> list[LogEntry]:
    """Some pulses of now that have events, the first of which has a number."""
    start_ns = time.time_ns() - number * PERIOD_NS
    return [each for n in range(number, number + 5) for each in pulse_entries(n, start_ns=start_ns)]


def table_of(topic: Topic, certificates: Certificates, authority: Path, file: Path) -> Path:
    """A file with the table of a topic behind the listener that asks for certificates."""
    file.write_text(
        TABLE.format(
            address=topic.broker.address_of("MUTUAL"),
            topic=topic.name,
            authority=authority,
            client=certificates.client,
            key=certificates.client_key,
            password=certificates.password,
        )
    )
    return file


def shown_and_said(running: Live) -> Iterator[str]:
    """The texts of all PVs of messages, and the command lines of all processes."""
    names = [row.name for row in pv_rows(running.prefix) if "Message" in row.name]
    shown = running.tool("caget", "-S", "-w", "30", *names)
    assert "StatusMessage_RBV" in shown.stdout
    yield shown.stdout + shown.stderr
    for each in running.family():
        yield from command_line(each)


def test_a_wrong_authority_is_told_and_the_right_one_is_enough_and_no_secret_is_shown(
    tls_broker: KafkaBroker,
    certificates: Certificates,
    net: Network,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    topic = Topic(tls_broker, "product")
    topic.make()
    authority = tmp_path / "ca.pem"
    shutil.copy(certificates.stranger, authority)
    file = table_of(topic, certificates, authority, tmp_path / "beamline.toml")
    running = Live(net, "--config", str(file))
    try:
        running.until(lambda: running.tool("caget", running.prefix + "Pause").returncode == 0, 40)
        words = "its certificate is not trusted"
        running.until(lambda: words in running.get("StatusMessage_RBV", "-S"), 40)
        shutil.copy(certificates.authority, authority)
        running.one("ioc ranks --").kill()
        running.until(lambda: running.number("Restarts_RBV") > 0, 20)
        number = 0

        def counts() -> bool:
            nonlocal number
            topic.send(pulses_now(number))
            number += 5
            return running.number("PulsesAccumulated_RBV") > 0

        running.until(counts, 40)
        assert words not in running.get("StatusMessage_RBV", "-S")
        assert not any(KEY_PASSWORD in each for each in shown_and_said(running))
    finally:
        running.kill_all()
    said = capfd.readouterr()
    assert "ranks" in said.err
    assert KEY_PASSWORD not in said.err + said.out


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []

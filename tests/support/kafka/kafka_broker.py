"""A real Kafka broker for tests, on the loopback interface: one that a test may stop and start."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from reduction.event_log.entries import LogEntry
from tests.support.kafka.tls import Certificates
from tests.support.ports import free_ports

ROOT = Path(__file__).parents[3]
JARS, POM = ROOT / ".kafka" / "lib", Path(__file__).with_name("pom.xml")
FETCH_S, START_S, STOP_S, READ_S = 300.0, 180.0, 20.0, 60.0
CLUSTER = "MkU3OEVBNTcwNTJENDM2Qk"
USER, PASSWORD = "live", "open sesame"

LEASH = (sys.executable, "-m", "ioc.app.processes.die_with_parent")
"""Ends a broker with the process that started it, even if that is killed."""

PATH_OF_JAVA = ("-cp", f"{JARS}/*")
QUICK_TO_START = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
QUICK_TO_RUN = ("-Xmx1g", "-XX:+UseParallelGC")
"""Options of Java: for tests, and to measure a broker."""

PROTOCOLS = {
    "PLAINTEXT": "PLAINTEXT",
    "SASL_PLAINTEXT": "SASL_PLAINTEXT",
    "CONTROLLER": "PLAINTEXT",
}
TLS_PROTOCOLS = {"TLS": "SSL", "EXPIRED": "SSL", "MUTUAL": "SSL"}
"""The listeners of a broker and their protocols."""

SETTINGS = """\
process.roles=broker,controller
node.id=1
listeners={listeners}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{own}
listener.security.protocol.map={protocols}
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
log.dirs={folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
message.max.bytes=104857600
replica.fetch.max.bytes=104857600
socket.send.buffer.bytes=-1
socket.receive.buffer.bytes=-1
"""


def why_no_broker() -> str:
    """Why no broker can run here; empty if one can. Fetches it if Maven is there."""
    if shutil.which("java") is None:
        return "a Kafka broker needs Java"
    if JARS.is_dir():
        return ""
    if shutil.which("mvn") is None:
        return f"no Kafka in {JARS}, and no mvn to fetch it: make kafka"
    fetch = ("mvn", "--batch-mode", "--quiet", "--file", str(POM), "dependency:copy-dependencies")
    part = JARS.with_name("part")
    command = (*fetch, "-DincludeScope=runtime", f"-DoutputDirectory={part}")
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=FETCH_S)
    except (subprocess.SubprocessError, OSError) as error:
        return f"Kafka cannot be fetched by mvn: {error}"
    part.rename(JARS)
    return ""


class KafkaBroker:
    """A broker with its data in a folder; its ports stay when it is started again.

    ``port`` is that for clients without a password; 0: any that is free. ``java`` has its options.
    With ``certificates`` it also has the listeners of `tests.support.kafka.tls.Certificates`;
    ``properties`` are more lines of its settings.
    """

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        java: Sequence[str] = QUICK_TO_START,
        certificates: Certificates | None = None,
        properties: str = "",
    ) -> None:
        self._folder, self._java = folder, java
        protocols = PROTOCOLS | (TLS_PROTOCOLS if certificates else {})
        self._ports = dict(zip(protocols, free_ports(len(protocols)), strict=True))
        if port:
            with closing(socket.socket()) as here:
                here.bind(("127.0.0.1", port))  # raises OSError if it is taken
            self._ports["PLAINTEXT"] = port
        self.port = self._ports["PLAINTEXT"]
        settings = SETTINGS.format(
            listeners=",".join(f"{name}://{self.address_of(name)}" for name in protocols),
            protocols=",".join(f"{name}:{each}" for name, each in protocols.items()),
            own=self._ports["CONTROLLER"],
            folder=folder,
            user=USER,
            password=PASSWORD,
        )
        self._file = folder / "server.properties"
        self._file.write_text(
            settings + (certificates.listeners if certificates else "") + properties,
            encoding="ascii",
        )
        tool = ("kafka.tools.StorageTool", "format", "--standalone", "-t", CLUSTER)
        command = ("java", *QUICK_TO_START, *PATH_OF_JAVA, *tool, "-c", str(self._file))
        subprocess.run(command, check=True, capture_output=True, timeout=START_S)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process, which runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def address(self) -> str:
        """Host and port for clients without a password."""
        return f"127.0.0.1:{self.port}"

    @property
    def sasl_address(self) -> str:
        """Host and port for clients with a password."""
        return self.address_of("SASL_PLAINTEXT")

    def address_of(self, listener: str) -> str:
        """Host and port of a listener."""
        return f"127.0.0.1:{self._ports[listener]}"

    def start(self) -> None:
        """Start, and wait until clients are answered."""
        command = ("java", *self._java, *PATH_OF_JAVA, "kafka.Kafka", str(self._file))
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                (*LEASH, str(os.getpid()), *command),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )
        wait_until(self._answers, START_S)

    def _answers(self) -> bool:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "broker.log").read_text()
        try:
            AdminClient({"bootstrap.servers": self.address, "log_level": 0}).list_topics(timeout=1)
        except KafkaException:
            return False
        return True

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop, or kill; the data stay."""
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


class Topic:
    """A topic of a broker, by the library itself."""

    def __init__(self, broker: KafkaBroker, name: str) -> None:
        from confluent_kafka import Producer
        from confluent_kafka.admin import AdminClient

        self.broker, self.name = broker, name
        options = {"bootstrap.servers": broker.address, "log_level": 0}
        self._admin = AdminClient(options)
        self._producer = Producer(options | {"message.max.bytes": 100_000_000})

    def make(self, partitions: int = 1, largest_batch: int = 104_857_600) -> None:
        """Make the topic, and wait until it is there. It takes so many bytes at once."""
        from confluent_kafka.admin import NewTopic

        options = {"max.message.bytes": str(largest_batch)}
        made = NewTopic(self.name, partitions, config=options)
        self._admin.create_topics([made])[self.name].result(30)
        wait_until(self._is_there)

    def _is_there(self) -> bool:
        found = self._admin.list_topics(self.name, timeout=5).topics[self.name]
        return found.error is None and all(p.leader >= 0 for p in found.partitions.values())

    def send(self, entries: Sequence[LogEntry], partition: int = 0) -> None:
        """Send messages whose timestamps are the times that they hold; all are there then."""
        failed: list[object] = []

        def delivered(error: object, _message: object) -> None:
            if error is not None:
                failed.append(error)

        for each in entries:
            time_ms, data = each.time_ns // 1_000_000, b"".join(each.pieces)
            self._producer.produce(
                self.name, data, partition=partition, timestamp=time_ms, on_delivery=delivered
            )
            self._producer.poll(0)
        assert self._producer.flush(30) == 0
        assert failed == []

    def send_in_transaction(self, entries: Sequence[LogEntry]) -> None:
        """Send messages to the first partition, and behind them the end of a transaction."""
        from confluent_kafka import Producer

        options = {"bootstrap.servers": self.broker.address, "log_level": 0}
        producer = Producer(options | {"transactional.id": "test"})
        producer.init_transactions(120)
        producer.begin_transaction()
        for each in entries:
            time_ms = each.time_ns // 1_000_000
            producer.produce(self.name, b"".join(each.pieces), partition=0, timestamp=time_ms)
        producer.commit_transaction(120)

    def messages(self, partition: int = 0) -> list[bytes]:
        """All messages that a partition holds now."""
        from confluent_kafka import Consumer, TopicPartition

        options = {"bootstrap.servers": self.broker.address, "group.id": "test", "log_level": 0}
        place, found = TopicPartition(self.name, partition), dict[int, bytes]()
        with closing(Consumer(options)) as consumer:
            low, high = consumer.get_watermark_offsets(place, timeout=10)
            consumer.assign([TopicPartition(self.name, partition, low)])
            deadline_s = time.monotonic() + READ_S
            while low < high and high - 1 not in found:
                assert time.monotonic() < deadline_s, f"{len(found)} of {high - low} messages came"
                for each in consumer.consume(1000, 0.1):
                    if each.error() is None:
                        found[each.offset()] = each.value()
        return [found[offset] for offset in sorted(found) if offset < high]

    def delete_before(self, offset: int, partition: int = 0) -> None:
        """Have messages go, as retention has."""
        from confluent_kafka import TopicPartition

        place = TopicPartition(self.name, partition, offset)
        self._admin.delete_records([place])[place].result(30)

    def add_partitions(self, count: int) -> None:
        """Have more partitions."""
        from confluent_kafka.admin import NewPartitions

        self._admin.create_partitions([NewPartitions(self.name, count)])[self.name].result(30)

    def delete(self) -> None:
        """Delete the topic, and wait until it has gone."""
        self._admin.delete_topics([self.name])[self.name].result(30)
        wait_until(lambda: not self._is_there())


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for a condition; raises AssertionError if it does not come."""
    deadline_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline_s, "it never came"
        time.sleep(0.005)


def main() -> None:
    """Run a broker at port 9092, with its data in a temporary folder, until Ctrl-C."""
    if why := why_no_broker():
        sys.exit(why)
    with tempfile.TemporaryDirectory() as folder:
        broker = KafkaBroker(Path(folder), 9092)
        try:
            broker.start()
            print(f"Kafka answers at {broker.address}; Ctrl-C stops it.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
        finally:
            broker.stop()


if __name__ == "__main__":
    main()

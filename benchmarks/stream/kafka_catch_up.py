"""How fast two ranks catch up from a topic of a real Kafka broker; not measured without one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.rows import Row
from benchmarks.stream.catch_up import RANKS, caught_up, rate_row, written_log
from benchmarks.whole_product.kafka_load import MEMORY
from reduction.control.orders import RanksOrder
from reduction.control.run_state import LogPlace, RunState
from reduction.kafka.client import BrokerClient
from reduction.kafka.servers import KafkaServer
from reduction.kafka.topic_watch import TopicWatch
from tests.support.kafka.kafka_broker import (
    QUICK_TO_RUN,
    KafkaBroker,
    Topic,
    wait_until,
    why_no_broker,
)

TOPIC = "events"
EVENTS, QUICK_EVENTS = 200_000_000, 50_000_000
EVENTS_PER_PULSE = 71_429
LEAST_RATE = 3e7
REPLAY_S = 300.0


def measure(quick: bool) -> list[Row]:
    """How fast two ranks read a topic from its start; broker and ranks are on this machine."""
    if why := why_no_broker():
        return [Row("Kafka", f"not measured: {why}")]
    with tempfile.TemporaryDirectory(dir=MEMORY) as made:
        folder = Path(made)
        broker = KafkaBroker(folder, java=QUICK_TO_RUN)
        try:
            broker.start()
            Topic(broker, TOPIC).make(RANKS)
            return [_caught_up(broker, folder, QUICK_EVENTS if quick else EVENTS)]
        finally:
            broker.stop()


def _caught_up(broker: KafkaBroker, folder: Path, events: int) -> Row:
    log = written_log(folder / "log", EVENTS_PER_PULSE, events)
    stream = f"--stream=kafka://{broker.address}/{TOPIC}"
    replay = (sys.executable, "-m", "ioc", "replay", str(log.folder), stream, "--speed=max")
    subprocess.run(replay, check=True, timeout=REPLAY_S)
    places = (LogPlace(0, after_mark=True),) * RANKS
    run = RunState(log=_identity(broker), places=places, start_ns=log.start_ns, first=0)
    order = RanksOrder(revision=1, pulses_revision=1, run=run)
    done = asyncio.run(caught_up(stream, order, folder))
    what = f"catching up from a topic, {log.pulses} pulses of {EVENTS_PER_PULSE} events"
    return rate_row(what, log, done, LEAST_RATE)


def _identity(broker: KafkaBroker) -> str:
    """What a run state has to name for its places to count."""
    watch = TopicWatch(BrokerClient(KafkaServer(broker.address)), [TOPIC], RANKS)

    def known() -> bool:
        watch.look()
        return bool(watch.identity)

    wait_until(known)
    return watch.identity

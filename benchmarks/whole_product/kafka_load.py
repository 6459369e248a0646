"""The whole product on a stream from a real Kafka broker; not measured without one."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.product import product
from benchmarks.rows import Row
from benchmarks.whole_product.load import COUNTS, LAG, longest_lag, sustained
from benchmarks.whole_product.recording import recording
from tests.support.kafka.kafka_broker import QUICK_TO_RUN, KafkaBroker, why_no_broker

PULSE_RATE_HZ = 14


class Load(NamedTuple):
    """Events a second, most of them in a message, and the longest lag allowed, in s.

    ``settle_s`` before the measurement let the broker and the ranks fill what they may hold.
    """

    rate: float
    chunk_events: int
    longest_lag_s: float
    settle_s: float


MEMORY = Path("/dev/shm")
FORGETFUL = """\
log.segment.bytes=67108864
log.retention.bytes=1073741824
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=1000
"""
"""A broker in memory keeps the last gigabyte of a partition, 13 s at 2e7 events/s."""

LIMIT_GB = 2
"""What a rank retains at most: the broker's data are in the same memory."""

LOADS = (Load(2e7, 50_000, 1.0, settle_s=40), Load(1e6, 500, 0.2, settle_s=5))


def measure(quick: bool) -> list[Row]:
    """The rows of each load: simulator, broker with its data, ranks and IOC are all in memory."""
    if why := why_no_broker():
        return [Row("Kafka", f"not measured: {why}")]
    rows = []
    for load in LOADS:
        with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
            broker = KafkaBroker(Path(folder), java=QUICK_TO_RUN, properties=FORGETFUL)
            try:
                broker.start()
                rows += _sustained(broker, load, 10 if quick else 60)
            finally:
                broker.stop()
    return rows


def _sustained(broker: KafkaBroker, load: Load, seconds: float) -> list[Row]:
    per_pulse = round(load.rate / PULSE_RATE_HZ)
    source = (f"--stream=kafka://{broker.address}/events", "--simulated")
    size = f"--set=Sim:MaxChunkSize={load.chunk_events}"
    limit = f"--set=MemoryLimit={LIMIT_GB}"
    with product(per_pulse, *source, size, limit) as running:
        running.wait(running.counts)
        with recording(running, COUNTS, LAG) as seen:
            running.wait(lambda: seen.size > 0)
            time.sleep(load.settle_s)
            settling = Row(
                f"{load.rate:.3g} events/s, the first {load.settle_s:.0f} s: longest `Lag_RBV`",
                f"{longest_lag(seen, 0):.3g} s",
            )
            parts = running.parts() | {"broker": psutil.Process(broker.pid)}
            return [
                settling,
                *sustained(running, seen, parts, seconds, per_pulse, load.longest_lag_s),
            ]

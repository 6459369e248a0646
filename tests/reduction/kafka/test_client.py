"""The connection to brokers, without any broker."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("confluent_kafka", reason="Kafka is read with confluent-kafka")

FOUND_AS_GARBAGE = """
import gc, threading
from reduction.kafka.client import BrokerClient
from reduction.kafka.servers import KafkaServer

gc.disable()
answered = threading.Event()
found = [BrokerClient(KafkaServer("127.0.0.1:9"))]
found.append(found)
asked = found[0]._described("topic")
asked.add_done_callback(lambda _: (gc.collect(), answered.set()))
del found
assert answered.wait(60)
"""


def test_a_connection_that_a_thread_of_the_library_finds_as_garbage_does_not_end_the_process() -> (
    None
):
    done = subprocess.run([sys.executable, "-c", FOUND_AS_GARBAGE], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")

"""A stop that signals set, however many come at once."""

from __future__ import annotations

import select
import subprocess
import sys
from contextlib import closing

from reduction.host.stop import Stop

ROUNDS = 300
SENDER = """
import os, signal, sys

while True:
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(int(sys.argv[1]), number)
"""
STOPPED = f"""
import os, signal, subprocess, sys
from contextlib import closing
from reduction.host.stop import Stop, stopped_by_signals

stops = [Stop() for _ in range({ROUNDS})]
with closing(Stop()) as first, stopped_by_signals(first):
    sender = subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())])
    while not first.is_set():
        pass
    for stop in stops:
        with stopped_by_signals(stop):
            while not stop.is_set():
                pass
    sender.kill()
    sender.wait()
    print("stopped", flush=True)
os._exit(0)
"""


def test_a_stop_may_be_set_again_and_can_be_polled() -> None:
    with closing(Stop()) as stop:
        assert not stop.is_set()
        assert select.select([stop.fileno()], [], [], 0)[0] == []
        for _ in range(3):
            stop.set()
        assert stop.is_set()
        assert select.select([stop.fileno()], [], [], 0)[0] == [stop.fileno()]


def test_signals_that_interrupt_each_other_stop_and_block_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, SENDER],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "stopped\n", done.stderr

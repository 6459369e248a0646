"""A stop that signals set, however many come at once."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
import textwrap
from contextlib import closing

import pytest

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


def end_of(program: str, *numbers: signal.Signals) -> int:
    """The exit status of a program that gets signals once it has said that it runs."""
    head = "import os, signal, sys, threading, time\nfrom reduction.host.stop import *\n"
    with subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "runs\n"
        for number in numbers:
            running.send_signal(number)
        return running.wait(60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_start_at_once(number: signal.Signals) -> None:
    program = """
        with StopSignals().heeded():
            print("runs", flush=True)
            threading.Event().wait()
    """
    assert end_of(program, number) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_mpi_leaves_the_handlers_of_signals_alone(number: signal.Signals) -> None:
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    program = f"""
        signal.signal({number:d}, lambda *_: os._exit(5))
        keep_sighup_from_ucx(os.environ)
        os.environ["OMPI_MCA_btl"] = "self"
        from mpi4py import MPI
        print("runs", flush=True)
        time.sleep(60)
    """
    assert end_of(program, number) == 5


def test_a_signal_whose_exception_is_swallowed_is_obeyed_later() -> None:
    program = """
        signals = StopSignals()
        with signals.heeded():
            try:
                print("runs", flush=True)
                time.sleep(60)
            except SystemExit:
                pass
            signals.calls(lambda: os._exit(5))
            time.sleep(60)
    """
    assert end_of(program, signal.SIGTERM) == 5


def test_a_signal_that_comes_while_a_process_is_started_is_obeyed_once_that_is_known() -> None:
    program = """
        signals, known = StopSignals(), False
        try:
            with signals.heeded(), signals.held():
                print("runs", flush=True)
                while not signals.came:
                    time.sleep(0.01)
                known = True
        except SystemExit:
            os._exit(5 if known else 6)
    """
    assert end_of(program, signal.SIGTERM) == 5


def test_a_signal_that_comes_while_a_class_is_made_ends_the_start_as_ever() -> None:
    program = """
        class Slow:
            def __set_name__(self, owner, name):
                print("runs", flush=True)
                time.sleep(60)

        with StopSignals().heeded():
            class Made:
                slow = Slow()
    """
    assert end_of(program, signal.SIGTERM) == 0


HANGS = {
    "the main thread waits": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "a child hangs": "subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])",
    "the end of the interpreter waits": "threading.Thread(target=time.sleep, args=[600]).start()",
}


@pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS)
def test_a_process_that_hangs_ends_after_a_signal(hang: str) -> None:
    program = f"""
        import subprocess
        end_after_stop_signals(0.2)
        signal.signal(signal.SIGTERM, lambda *_: None)
        print("runs", flush=True)
        {hang}
    """
    assert end_of(program, signal.SIGTERM) == 1


def test_other_signals_end_nothing() -> None:
    program = """
        end_after_stop_signals(0.1)
        signal.signal(signal.SIGUSR1, lambda *_: None)
        print("runs", flush=True)
        time.sleep(0.5)
        sys.exit(7)
    """
    assert end_of(program, signal.SIGUSR1) == 7

"""Ranks that hang in their start or in an order are seen long before the time that it may take."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil

from ioc.app.processes.idle_watch import IDLE_S, IdleWatch, processor_seconds
from reduction.host.file_system.file_threads import ANSWER_S


def test_a_process_that_takes_no_time_is_noticed_and_one_that_works_is_not() -> None:
    now_s = [0.0]
    watch = IdleWatch(lambda: now_s[0])
    for second in range(int(IDLE_S)):
        now_s[0] = second
        assert not watch.idle({1: second / 100, 2: 5.0})
    now_s[0] = IDLE_S
    assert not watch.idle({1: 1.0, 3: 0.0}), "the process that hung is gone"
    assert watch.idle({1: 1.0, 3: 0.0}) is False
    now_s[0] = 2 * IDLE_S
    assert watch.idle({1: 2.0, 3: 0.0})
    watch.forget()
    assert not watch.idle({1: 2.0, 3: 0.0})
    assert IDLE_S > ANSWER_S + 10, "a disk may keep a rank waiting"


def test_a_stopped_process_takes_no_time_and_its_parent_does_not_matter() -> None:
    busy = "import os\nprint('runs', flush=True)\nwhile True: os.getpid()"
    with subprocess.Popen([sys.executable, "-c", busy], stdout=subprocess.PIPE) as working:
        assert working.stdout is not None
        working.stdout.readline()
        try:
            family = [psutil.Process(os.getpid()), psutil.Process(working.pid)]
            (first,) = processor_seconds(family).values()
            deadline_s = time.monotonic() + 60
            while processor_seconds(family) == {working.pid: first}:
                assert time.monotonic() < deadline_s
                time.sleep(0.01)
            working.send_signal(signal.SIGSTOP)
            while family[1].status() != psutil.STATUS_STOPPED:
                time.sleep(0.01)
            assert processor_seconds(family) == processor_seconds(family)
        finally:
            working.kill()

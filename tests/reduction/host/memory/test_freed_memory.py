"""Memory that is freed is used again without being cleared by the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

MESSAGES = """
import resource
from reduction.host.memory.freed_memory import keep_freed_memory
keep_freed_memory()
def touched():
    messages = [bytes(400_000 + 4096 * number) for number in range(50)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
touched()
before = touched()
print(touched() - before)
"""
LEFT = """
from reduction.host.memory.freed_memory import give_back_freed_memory
def resident_kb():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if "VmRSS" in line)
pieces = [b"x" * (100_000 + number) for number in range(1000)]
last = b"x" * 100_000
del pieces
before = resident_kb()
give_back_freed_memory()
print(before - resident_kb())
"""
PAGES = 50 * 100
"""The pages of all messages."""


@pytest.mark.skipif(
    getattr(ctypes.CDLL(None), "mallopt", None) is None, reason="the C library has no mallopt"
)
def test_messages_lie_in_memory_that_others_have_had() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", MESSAGES], check=True, capture_output=True, text=True
    )
    assert int(ran.stdout) < PAGES // 20


@pytest.mark.skipif(
    getattr(ctypes.CDLL(None), "malloc_trim", None) is None, reason="the C library has no trim"
)
def test_what_work_that_is_done_once_leaves_is_given_back() -> None:
    ran = subprocess.run([sys.executable, "-c", LEFT], check=True, capture_output=True, text=True)
    assert int(ran.stdout) > 90_000

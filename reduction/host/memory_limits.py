"""Which limit of memory a process has reached."""

from __future__ import annotations

import contextlib
import errno
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import psutil

CGROUPS = Path("/sys/fs/cgroup")
"""Where the limits of control groups are, version 2, see cgroups(7)."""


VMSTAT = Path("/proc/vmstat")
"""Counts of the kernel, see proc(5)."""


@dataclass(frozen=True)
class MemoryBound:
    """A limit of memory, and what is used of it, in bytes."""

    name: str
    most_bytes: int
    used_bytes: int

    def __str__(self) -> str:
        most, used = f"{self.most_bytes / 1e9:.3g}", f"{self.used_bytes / 1e9:.3g}"
        return f"{self.name} is {most} GB, of which {used} GB are used"


def is_no_memory(error: BaseException) -> TypeGuard[MemoryError | OSError]:
    """Whether an error tells that no memory is left: Python's, or one of the system."""
    return isinstance(error, MemoryError) or (
        isinstance(error, OSError) and error.errno == errno.ENOMEM
    )


def no_memory_words(error: MemoryError | OSError) -> str:
    """A sentence: no memory is left, what was wanted, and which limit has been reached."""
    wanted = f" ({error})" if str(error) and isinstance(error, MemoryError) else ""
    tightest = min(memory_bounds(), key=lambda each: each.most_bytes - each.used_bytes)
    return f"no memory is left{wanted}: {tightest}"


def memory_kills(vmstat: Path = VMSTAT) -> int:
    """How many processes of this host the kernel has killed for lack of memory; 0 if unknown."""
    with contextlib.suppress(OSError, ValueError):
        for line in vmstat.read_text(encoding="ascii").splitlines():
            name, _, number = line.partition(" ")
            if name == "oom_kill":
                return int(number)
    return 0


def memory_bounds(cgroups: Path = CGROUPS) -> Iterator[MemoryBound]:
    """The limits of this process: of its addresses, of its control groups, and of its host."""
    process, host = psutil.Process(), psutil.virtual_memory()
    yield MemoryBound("the memory of this host", host.total, host.total - host.available)
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        yield MemoryBound("ulimit -v", soft, process.memory_info().vms)
    with contextlib.suppress(OSError, ValueError):
        group = Path("/proc/self/cgroup").read_text(encoding="ascii").rpartition("0::/")[2].strip()
        folder = cgroups / group
        for each in (folder, *folder.parents):
            if each.is_relative_to(cgroups) and (each / "memory.max").exists():
                most = (each / "memory.max").read_text(encoding="ascii").strip()
                if most != "max":
                    used = int((each / "memory.current").read_text(encoding="ascii"))
                    yield MemoryBound(f"memory.max of the control group {each}", int(most), used)

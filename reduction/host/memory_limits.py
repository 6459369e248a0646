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
"""Where the limits of control groups are, see cgroups(7)."""

OWN_GROUPS = Path("/proc/self/cgroup")
"""The control groups of this process, one a line: number, controllers, path."""

VMSTAT = Path("/proc/vmstat")
"""Counts of the kernel, see proc(5)."""


@dataclass(frozen=True)
class GroupFiles:
    """What a version of control groups calls its files about memory, and what is in them."""

    controller: str
    """The controller in the line of `OWN_GROUPS`."""
    place: str
    """The folder of all groups, below `CGROUPS`."""
    limit: str
    used: str
    cache: str
    """In ``memory.stat``: bytes of files that the kernel gives up when memory is short."""


GROUP_VERSIONS = (
    GroupFiles("", "", "memory.max", "memory.current", "inactive_file"),
    GroupFiles(
        "memory", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    ),
)

NO_LIMIT_BYTES = 2**62
"""The first version has such a limit where there is none."""


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


def memory_bounds(cgroups: Path = CGROUPS, own_groups: Path = OWN_GROUPS) -> Iterator[MemoryBound]:
    """The limits of this process: of its addresses, of its control groups, and of its host."""
    process, host = psutil.Process(), psutil.virtual_memory()
    yield MemoryBound("the memory of this host", host.total, host.total - host.available)
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        yield MemoryBound("ulimit -v", soft, process.memory_info().vms)
    with contextlib.suppress(OSError, ValueError):
        for line in own_groups.read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            for files in GROUP_VERSIONS:
                if files.controller in controllers.split(","):
                    yield from _group_bounds(cgroups / files.place, group, files)


def _group_bounds(top: Path, group: str, files: GroupFiles) -> Iterator[MemoryBound]:
    """The limits of a group and of those around it, as far as they can be read."""
    folder = top / group.lstrip("/")
    for each in (folder, *folder.parents):
        if each.is_relative_to(top):
            with contextlib.suppress(OSError, ValueError):
                most = int((each / files.limit).read_text())  # ValueError: "max" is no limit
                used = int((each / files.used).read_text()) - _cached(each, files)
                if most < NO_LIMIT_BYTES:
                    yield MemoryBound(f"{files.limit} of the control group {each}", most, used)


def _cached(group: Path, files: GroupFiles) -> int:
    """Bytes of files that the kernel would give up; 0 if that is not known."""
    with contextlib.suppress(OSError, ValueError):
        for line in (group / "memory.stat").read_text().splitlines():
            name, _, number = line.partition(" ")
            if name == files.cache:
                return int(number)
    return 0

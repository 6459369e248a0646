"""Which limit of memory a process has reached."""

from __future__ import annotations

import contextlib
import errno
import resource
from collections.abc import Iterator, Mapping
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
    reached: str
    """How often the limit was reached: a number alone, or after the word "oom"."""


GROUP_VERSIONS = (
    GroupFiles("", "", "memory.max", "memory.current", "inactive_file", "memory.events.local"),
    GroupFiles(
        "memory",
        "memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
        "memory.failcnt",
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


@dataclass(frozen=True)
class MemoryKills:
    """What the kernel has done for lack of memory so far.

    - ``processes``: how many of this host it has killed; 0 if that is not known
    - ``reached``: how often the limit of each control group of this process was reached, by its
      name
    - ``limits_bytes``: these limits
    """

    processes: int
    reached: Mapping[str, int]
    limits_bytes: Mapping[str, int]

    def words_since(self, before: MemoryKills) -> str:
        """That processes were killed since then, and for which limit if it is one of ours."""
        if self.processes <= before.processes:
            return ""
        limits = [
            f"{name} is {self.limits_bytes[name] / 1e9:.3g} GB"
            for name, times in self.reached.items()
            if times > before.reached.get(name, times)
        ]
        return ": ".join(("the system killed processes for lack of memory", *limits[:1]))


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


def memory_kills(
    vmstat: Path = VMSTAT, cgroups: Path = CGROUPS, own_groups: Path = OWN_GROUPS
) -> MemoryKills:
    """What the kernel has done for lack of memory until now."""
    reached, limits_bytes = {}, {}
    for files, group in _own_groups(cgroups, own_groups):
        with contextlib.suppress(OSError, ValueError):
            most = int((group / files.limit).read_text())
            name = f"{files.limit} of the control group {group}"
            reached[name] = _times_reached((group / files.reached).read_text())
            limits_bytes[name] = most
    return MemoryKills(_count_in(vmstat, "oom_kill"), reached, limits_bytes)


def _times_reached(text: str) -> int:
    """How often a limit was reached; raises ValueError if the text does not say it."""
    words = text.split()
    return int(words[0] if len(words) == 1 else words[words.index("oom") + 1])


def _count_in(path: Path, wanted: str) -> int:
    """The number after a name in a file of the kernel, one a line; 0 if it is not there."""
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text(encoding="ascii").splitlines():
            name, _, number = line.partition(" ")
            if name == wanted:
                return int(number)
    return 0


def memory_bounds(cgroups: Path = CGROUPS, own_groups: Path = OWN_GROUPS) -> Iterator[MemoryBound]:
    """The limits of this process: of its addresses, of its control groups, and of its host."""
    process, host = psutil.Process(), psutil.virtual_memory()
    yield MemoryBound("the memory of this host", host.total, host.total - host.available)
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        yield MemoryBound("ulimit -v", soft, process.memory_info().vms)
    for files, group in _own_groups(cgroups, own_groups):
        with contextlib.suppress(OSError, ValueError):
            most = int((group / files.limit).read_text())  # ValueError: "max" is no limit
            cached = _count_in(group / "memory.stat", files.cache)
            used = int((group / files.used).read_text()) - cached
            if most < NO_LIMIT_BYTES:
                yield MemoryBound(f"{files.limit} of the control group {group}", most, used)


def _own_groups(cgroups: Path, own_groups: Path) -> Iterator[tuple[GroupFiles, Path]]:
    """The control groups of this process, each before those around it, and their files."""
    with contextlib.suppress(OSError, ValueError):
        for line in own_groups.read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            for files in GROUP_VERSIONS:
                if files.controller in controllers.split(","):
                    top = cgroups / files.place
                    folder = top / group.lstrip("/")
                    every = (folder, *folder.parents)
                    yield from ((files, each) for each in every if each.is_relative_to(top))

"""Which limit of memory has been reached."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

from reduction.host.memory.memory_limits import (
    MemoryBound,
    MemoryKills,
    is_no_memory,
    memory_bounds,
    memory_kills,
    no_memory_words,
)

GREEDY = """
import resource
import numpy
from reduction.host.memory.memory_limits import no_memory_words
resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, 3_000_000_000))
try:
    numpy.ones(3_000_000_000, numpy.int8)
except MemoryError as error:
    print(no_memory_words(error))
"""


def group_bounds(folder: Path, own_groups: str) -> list[tuple[int, int]]:
    """Most and used bytes of the control groups in a folder."""
    (folder / "own").write_text(own_groups)
    found = memory_bounds(folder, folder / "own")
    return [(each.most_bytes, each.used_bytes) for each in found if "group" in each.name]


def test_a_process_that_may_take_no_more_addresses_says_so() -> None:
    command = [sys.executable, "-c", GREEDY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("no memory is left (Unable to allocate 2.79 GiB")
    assert "ulimit -v is 3 GB, of which " in done.stdout


def test_the_limit_with_the_least_room_is_named() -> None:
    assert no_memory_words(MemoryError()).startswith("no memory is left: ")
    assert str(MemoryBound("x", 2 * 10**9, 5 * 10**8)) == "x is 2 GB, of which 0.5 GB are used"


def test_processes_that_the_system_has_killed_for_lack_of_memory_are_counted(
    tmp_path: Path,
) -> None:
    (tmp_path / "vmstat").write_text("pgfault 12\noom_kill 3\noom_kill_x 4\n")
    assert memory_kills(tmp_path / "vmstat").processes == 3
    assert memory_kills(tmp_path / "none").processes == 0
    assert memory_kills().processes >= 0


def kills_of(folder: Path, processes: int) -> MemoryKills:
    """The kills of a host on which so many processes were killed, with groups in a folder."""
    (folder / "vmstat").write_text(f"oom_kill {processes}\n")
    return memory_kills(folder / "vmstat", folder, folder / "own")


def test_the_limit_of_the_control_group_for_which_processes_were_killed_is_told(
    tmp_path: Path,
) -> None:
    (tmp_path / "own").write_text("0::/unit/job\n")
    inner, outer = tmp_path / "unit/job", tmp_path / "unit"
    inner.mkdir(parents=True)
    for group, most in ((inner, "2000000000"), (outer, "8000000000"), (tmp_path, "max")):
        (group / "memory.max").write_text(f"{most}\n")
        (group / "memory.events.local").write_text("max 900\noom 3\noom_kill 5\n")
    killed = "the system killed processes for lack of memory"
    before = kills_of(tmp_path, 1)
    assert kills_of(tmp_path, 1).words_since(before) == ""
    assert kills_of(tmp_path, 2).words_since(before) == killed
    (outer / "memory.events.local").write_text("max 950\noom 4\noom_kill 6\n")
    limit = f"memory.max of the control group {outer} is 8 GB"
    assert kills_of(tmp_path, 2).words_since(before) == f"{killed}: {limit}"


def test_the_limit_of_a_control_group_of_the_first_version_is_told_too(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("3:memory:/job\n")
    group = tmp_path / "memory/job"
    group.mkdir(parents=True)
    (group / "memory.limit_in_bytes").write_text("200000000\n")
    (group / "memory.failcnt").write_text("7\n")
    before = kills_of(tmp_path, 0)
    (group / "memory.failcnt").write_text("19\n")
    (group / "memory.limit_in_bytes").write_text("300000000\n")  # whoever runs it may change it
    words = kills_of(tmp_path, 1).words_since(before)
    assert words.endswith(f"memory.limit_in_bytes of the control group {group} is 0.3 GB")


def test_the_system_also_says_that_no_memory_is_left() -> None:
    refused = OSError(errno.ENOMEM, "Cannot allocate memory")
    assert is_no_memory(refused)
    assert is_no_memory(MemoryError())
    assert not is_no_memory(OSError(errno.ENOSPC, "No space left on device"))
    assert not is_no_memory(ValueError())
    assert no_memory_words(refused).startswith("no memory is left: ")


def test_the_limit_of_a_control_group_is_found_if_it_has_one(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    assert group_bounds(tmp_path, "0::/") == []
    (tmp_path / "memory.max").write_text("4000000000\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert group_bounds(tmp_path, "0::/") == [(4_000_000_000, 1000)]


def test_files_that_the_system_would_give_up_take_no_memory_of_a_control_group(
    tmp_path: Path,
) -> None:
    (tmp_path / "memory.max").write_text("4000\n")
    (tmp_path / "memory.current").write_text("3900\n")
    (tmp_path / "memory.stat").write_text("anon 900\ninactive_file 3000\n")
    assert group_bounds(tmp_path, "0::/") == [(4000, 900)]


def test_the_limits_of_control_groups_of_the_first_version_are_found_too(tmp_path: Path) -> None:
    outer, inner = tmp_path / "memory", tmp_path / "memory" / "slurm" / "job 7"
    inner.mkdir(parents=True)
    for group, most in ((outer, 2**63 - 4096), (inner.parent, 9000), (inner, 5000)):
        (group / "memory.limit_in_bytes").write_text(f"{most}\n")
        (group / "memory.usage_in_bytes").write_text("600\n")
    (inner / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 100\n")
    groups = "4:cpu,cpuacct:/slurm\n3:memory:/slurm/job 7\n0::/\n"
    assert group_bounds(tmp_path, groups) == [(5000, 500), (9000, 600)]
    assert group_bounds(tmp_path, groups.replace("job 7", "gone")) == [(9000, 600)]
    assert group_bounds(tmp_path, "no groups") == []

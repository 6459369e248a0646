"""What Open MPI would leave behind is removed."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reduction.host.mpi_leftovers import remove_segments, single_rank_folder
from tests.support.clients.ca_client import Network


def test_segments_that_this_process_has_mapped_are_removed_and_no_others(tmp_path: Path) -> None:
    mine, other = tmp_path / "sm_segment.here.0.1.0", tmp_path / "sm_segment.here.0.2.0"
    for each in (mine, other):
        each.write_bytes(b"0" * mmap.PAGESIZE)
    with mine.open("r+b") as file, mmap.mmap(file.fileno(), 0):
        remove_segments()
    assert not mine.exists()
    assert other.exists()


def test_a_rank_of_a_launcher_is_left_to_the_launcher() -> None:
    environment = {"OMPI_COMM_WORLD_SIZE": "2"}
    with single_rank_folder(environment):
        assert environment == {"OMPI_COMM_WORLD_SIZE": "2"}


@pytest.mark.parametrize(("flags", "words"), [(("-v",), "import 'mpi4py.MPI'"), ((), "reduces on")])
def test_a_rank_alone_leaves_nothing_behind_when_it_is_stopped(
    net: Network, tmp_path: Path, flags: tuple[str, ...], words: str
) -> None:
    shared, temporary = tmp_path / "shared", tmp_path / "temporary"
    shared.mkdir()
    temporary.mkdir()
    environment = net.environment | {
        "TMPDIR": str(temporary),
        "OMPI_MCA_btl_sm_backing_directory": str(shared),
    }
    endpoints = f"--events=ipc://{tmp_path}/events", f"--control=ipc://{tmp_path}/ranks"
    process = subprocess.Popen(
        [sys.executable, *flags, "-m", "ioc", "ranks", "--verbose", "--partitions=1", *endpoints],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            if words in line:
                break
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
    try:
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert os.listdir(shared) == os.listdir(temporary) == []

"""Starts with endpoints, addresses and instruments that cannot be, and how they end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reduction.event_log.writer import LogWriter
from reduction.instrument.geometry import Instrument

SOURCES = [("run",), ("simulate", "--sim-control=none", "--events=")]
"""What writes an event log."""


def said(*arguments: str, launcher: tuple[Any, ...] = ()) -> tuple[int, str]:
    """What the program says when it ends, which it must, and its exit status."""
    command = [*launcher, sys.executable, "-m", "ioc", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return ended.returncode, ended.stderr


@pytest.fixture
def taken() -> Iterator[str]:
    """An endpoint where somebody is."""
    with closing(socket.socket()) as there:
        there.bind(("127.0.0.1", 0))
        there.listen()
        yield f"tcp://127.0.0.1:{there.getsockname()[1]}"


@pytest.mark.parametrize(
    "arguments",
    [
        ("ioc", "--port=1", "--control=foo"),
        ("simulate", "--sim-control=none", "--events=foo"),
        ("simulate", "--sim-control=none", "--events=tcp://127.0.0.1:port"),
        ("simulate", "--sim-control=none", "--events=ipc:///nonexistent/events"),
        ("ranks", "--control=foo"),
        ("ranks", "--events=foo"),
    ],
)
def test_an_endpoint_that_cannot_be_is_named_in_one_line(arguments: tuple[Any, ...]) -> None:
    status, words = said(*arguments)
    endpoint = arguments[-1].partition("=")[2]
    assert status == 2
    assert words.startswith(f"live-reduction: endpoint {endpoint}")
    assert words.count("\n") == 1


@pytest.mark.parametrize("part", ["ioc", "simulate"])
def test_an_endpoint_that_is_taken_is_named(part: str, taken: str) -> None:
    flag = "control" if part == "ioc" else "events"
    status, words = said(part, f"--{flag}={taken}", "--sim-control=tcp://127.0.0.1:*")
    assert (status, words) == (2, f"live-reduction: endpoint {taken}: Address already in use\n")


@pytest.mark.parametrize("address", ["192.0.2.1", "::1"])
@pytest.mark.parametrize("part", ["run", "ioc"])
def test_an_address_that_this_host_does_not_have_is_refused_before_anything_starts(
    part: str, address: str
) -> None:
    status, words = said(part, f"--interfaces=127.0.0.1,{address}")
    assert status == 2
    assert words == f"live-reduction: interfaces = '{address}': no IPv4 address of this host\n"


def test_an_instrument_that_no_events_can_be_made_for_is_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    ids, beam = np.array([1, 2], np.int32), np.eye(3)[[2, 2]]
    Instrument("beam", ids, beam, np.zeros(2, bool), 9.0).save(tmp_path / "beam.npz")
    status, words = said("run", f"--instrument={tmp_path / 'beam.npz'}")
    assert status == 2
    assert words.endswith("beam.npz': no detector is outside the beam\n")


@pytest.mark.parametrize("part", SOURCES)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("thesis.tex", "thesis.tex does not belong to an event log"),
        ("log.json", "log.json cannot be read"),
    ],
)
def test_a_folder_that_is_no_event_log_is_refused_before_anything_starts(
    part: tuple[str, ...], name: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text("{")
    status, said_words = said(*part, f"--log-folder={tmp_path}")
    assert (status, said_words) == (2, f"live-reduction: log {tmp_path}: {words}\n")
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("part", ["run", "simulate"])
def test_a_limit_that_is_too_small_for_a_log_is_refused(part: str, tmp_path: Path) -> None:
    status, words = said(part, f"--log-folder={tmp_path / 'log'}", "--log-limit=1M")
    assert status == 2
    assert words.endswith("log: log_limit is 1048576 bytes, and 2 partitions need 4194304\n")
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("part", SOURCES)
def test_a_second_source_of_a_log_is_refused_with_the_process_that_writes_to_it(
    part: tuple[str, ...], tmp_path: Path
) -> None:
    with closing(LogWriter(tmp_path, 2, 2**24)):
        status, words = said(*part, f"--log-folder={tmp_path}")
    assert status == 2
    assert words.startswith(f"live-reduction: log {tmp_path}: process {os.getpid()} writes to it")
    hint = (
        "; does a run with the prefix LIVE: go on? A second one needs another --prefix, and --port"
    )
    assert words.removesuffix("\n").endswith(hint) == (part == ("run",))
    assert words.count("\n") == 1


def test_when_one_rank_fails_none_waits_for_it_for_ever() -> None:
    mpiexec = ("mpiexec", "--allow-run-as-root", "--oversubscribe", "-n", "2")
    status, words = said("ranks", "--partitions=2", "--control=foo", launcher=mpiexec)
    assert status != 0
    assert "live-reduction: endpoint foo: Invalid argument\n" in words
    assert "Traceback" not in words


def test_a_page_at_the_port_of_channel_access_is_refused_by_its_own_name(tmp_path: Path) -> None:
    flags = f"--log-folder={tmp_path}", "--web-port=6789", "--port=6789"
    status, words = said("run", *flags)
    assert status == 2
    assert words == "live-reduction: web_port = 6789: Channel Access has this port; give another\n"

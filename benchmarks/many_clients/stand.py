"""A server under test and its clients, all processes of their own, on loopback."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.many_clients.servers import LOOPBACK, PREFIX, Work
from benchmarks.usage import Usage
from tests.support.clients.ca_client import Client, Network, network

SETPOINT = PREFIX + "Setpoint"
WATCHING, EACH = 2, 10
"""Processes that watch, and clients in each."""

VISITING = 5
"""Processes whose clients come and go."""

STARTS = 3
"""Another program may take the port that was free: so often a server is started."""

WARM_UP_S, LATE_S = 1.5, 1.0
"""Before what counts, and after it, for what was sent by then."""


@dataclass(frozen=True)
class Seen:
    """What clients saw of a server in a window of ``seconds``.

    ``sent_s`` and ``age_s`` are of all updates, with their ``client``; ``puts_s`` is how long puts
    took; ``cores`` and ``growth_bytes``, of resident memory over that of the idle server without
    clients, are of the server.
    """

    seconds: float
    client: NDArray[np.int64]
    age_s: NDArray[np.float64]
    puts_s: NDArray[np.float64]
    cores: float
    growth_bytes: int

    @property
    def updates(self) -> NDArray[np.int64]:
        """Number of updates by client."""
        return np.bincount(self.client, minlength=WATCHING * EACH)


class Stand:
    """A server that answers, as a process, and where its clients find it."""

    def __init__(self, net: Network, server: psutil.Process) -> None:
        self._environment, self._server = net.environment, server
        self._idle_bytes = self.resident_bytes

    @property
    def resident_bytes(self) -> int:
        """Resident memory of the server."""
        return int(self._server.memory_info().rss)

    def visited(self, visits: int, names: Sequence[str]) -> None:
        """Clients come and go, `VISITING` at a time."""
        words = ("visit", str(visits // VISITING), *names)
        visiting = [subprocess.Popen(**self._client(*words)) for _ in range(VISITING)]
        ends = [each.wait() for each in visiting]
        if any(ends):
            raise RuntimeError("a visit failed")

    @contextmanager
    def client(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """A client that works until its input ends; it is just starting."""
        pipe = subprocess.PIPE
        with subprocess.Popen(**self._client(*words), stdin=pipe, stdout=pipe) as process:
            try:
                yield process
            finally:
                process.kill()

    def _client(self, *words: str) -> dict[str, Any]:
        # That no repeater answers, as they say, is as it should be.
        command = _python("benchmarks.many_clients.clients", *words)
        return {"args": command, "env": self._environment, "stderr": subprocess.DEVNULL}

    def watched(self, names: Sequence[str], seconds: float) -> Seen:
        """What clients of ``names`` see in a time."""
        with ExitStack() as stack:
            watch = ("watch", str(EACH), *names)
            watching = [stack.enter_context(self.client(*watch)) for _ in range(WATCHING)]
            _all_ready(watching)
            putting = stack.enter_context(self.client("put", SETPOINT))
            _all_ready([putting])
            time.sleep(WARM_UP_S)
            usage, began_s = Usage({"server": self._server}), time.monotonic()
            most = self._most_resident_bytes(seconds)
            ended_s, cores = time.monotonic(), usage.cores()["server"]
            time.sleep(LATE_S)
            puts = _within(_rows(putting, 2), 0, began_s, ended_s)
            arrivals = [_within(_rows(each, 3), 1, began_s, ended_s) for each in watching]
        for number, rows in enumerate(arrivals):
            rows[:, 0] += number * EACH
        rows = np.concatenate(arrivals)
        return Seen(
            ended_s - began_s,
            rows[:, 0].astype(np.int64),
            rows[:, 2] - rows[:, 1],
            puts[:, 1] - puts[:, 0],
            cores,
            most - self._idle_bytes,
        )

    def _most_resident_bytes(self, seconds: float) -> int:
        most, end_s = 0, time.monotonic() + seconds
        while time.monotonic() < end_s:
            most = max(most, self.resident_bytes)
            time.sleep(0.1)
        return most


def _python(*words: str) -> list[str]:
    return [sys.executable, "-m", *words]


def _all_ready(clients: Sequence[subprocess.Popen[bytes]]) -> None:
    for each in clients:
        if _pipe(each.stdout).read(6) != b"ready\n":
            raise RuntimeError("a client did not begin")


def _rows(client: subprocess.Popen[bytes], columns: int) -> NDArray[np.float64]:
    """What a client has seen; this ends it."""
    written, _ = client.communicate()
    if client.returncode:
        raise RuntimeError(f"a client ended with {client.returncode}")
    return cast("NDArray[np.float64]", np.load(io.BytesIO(written))).reshape(-1, columns)


def _within(
    rows: NDArray[np.float64], column: int, begin_s: float, end_s: float
) -> NDArray[np.float64]:
    return rows[(rows[:, column] >= begin_s) & (rows[:, column] < end_s)]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


@contextmanager
def stand(whose: str, work: Work) -> Iterator[Stand]:
    """A server that answers."""
    for last in (False,) * (STARTS - 1) + (True,):
        with network() as net, _server(net, whose, work) as process:
            found = Client(net, PREFIX).tool("caget", "-w", "10", SETPOINT).returncode == 0
            if found and process.poll() is None:
                yield Stand(net, psutil.Process(process.pid))
                return
            if last:
                raise RuntimeError(f"the server {whose} does not answer")


@contextmanager
def _server(net: Network, whose: str, work: Work) -> Iterator[subprocess.Popen[bytes]]:
    loopback = {
        "EPICS_CAS_INTF_ADDR_LIST": LOOPBACK,
        "EPICS_CAS_BEACON_ADDR_LIST": LOOPBACK,
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
    }
    with subprocess.Popen(
        _python("benchmarks.many_clients.servers", whose, *work.words),
        env=net.environment | loopback,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # a server that is too slow says so with every update
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()

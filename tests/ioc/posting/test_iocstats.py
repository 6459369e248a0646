"""The IOC tells how its own process is, and restarts the others only if that is meant."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from ioc.ca.database import Database
from ioc.ca.server import ClientCounts
from ioc.model.pvs import pv_rows
from ioc.posting.iocstats import CONFIRMATION_S, IocStats, duration
from ioc.security.rules import Client
from reduction.parameters.specs import Refused
from tests.support.ioc.ioc_bench import Ioc

(RESET,) = (row for row in pv_rows("") if row.name == "SYSRESET")


class Bench:
    """A program whose clock the test sets."""

    def __init__(self, restart: bool = True) -> None:
        self.now_s, self.restarts = 1000.0, 0
        self.database = Database("P:", self._put)
        whole: Callable[[], None] | None = self._restart if restart else None
        clients = ClientCounts(2, 30, 4)
        self.program = IocStats(self.database, lambda: clients, whole, lambda: self.now_s)

    async def _put(self, *_: object) -> None:
        return None

    def _restart(self) -> None:
        self.restarts += 1

    def reset(self, value: bool = True) -> Any:
        return asyncio.run(self.program.put(RESET, value, Client("192.0.2.1", "anna")))

    def get(self, name: str) -> Any:
        return self.database.channels[f"P:{name}"].value


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_time_span_reads_as_that_of_iocstats() -> None:
    assert duration(59.9) == "00:00:59"
    assert duration(86_399) == "23:59:59"
    assert duration(86_400 + 2 * 3600 + 3 * 60 + 4) == "1 day, 02:03:04"
    assert duration(100 * 86_400) == "100 days, 00:00:00"


def test_the_process_tells_who_and_how_it_is(bench: Bench) -> None:
    bench.now_s += 90_000
    asyncio.run(bench.program.show(7))
    assert (bench.get("HEARTBEAT"), bench.get("UPTIME")) == (7, "1 day, 01:00:00")
    assert (bench.get("CA_CLNT_CNT"), bench.get("CA_CONN_CNT")) == (2, 30)
    assert bench.get("ClientsRefused_RBV") == 4
    assert bench.get("FD_MAX") >= bench.get("FD_CNT")
    assert bench.get("PROCESS_ID") == os.getpid()
    assert bench.get("MEM_USED") > 10e6
    assert bench.get("FD_CNT") > 2
    assert bench.get("EPICS_VERS").startswith("caproto ")
    assert bench.get("APP_VERSION")[0].isdigit()
    started = time.mktime(time.strptime(bench.get("STARTTOD"), "%Y-%m-%d %H:%M:%S"))
    assert abs(started - time.time()) < 60


def test_a_restart_is_asked_for_twice(bench: Bench) -> None:
    with pytest.raises(Refused, match="put it again within 10 s to restart ranks and simulator"):
        bench.reset()
    assert bench.restarts == 0
    bench.now_s += CONFIRMATION_S
    assert bench.reset() is False
    assert bench.restarts == 1
    with pytest.raises(Refused):
        bench.reset()


def test_a_second_put_that_comes_too_late_is_a_first_one(bench: Bench) -> None:
    for _ in range(3):
        with pytest.raises(Refused, match="put it again"):
            bench.reset()
        bench.now_s += CONFIRMATION_S + 0.1
    assert bench.reset(False) is False
    assert bench.restarts == 0


def test_an_ioc_alone_restarts_nobody_and_says_why() -> None:
    bench = Bench(restart=False)
    for _ in range(2):
        with pytest.raises(Refused, match="this IOC did not start ranks and simulator"):
            bench.reset()


def stall(ioc: Ioc, seconds: float) -> None:
    """Keep the event loop of the IOC busy."""
    ioc.loop.call_soon_threadsafe(time.sleep, seconds)


def test_the_heart_beats_and_a_stalled_event_loop_is_told(ioc: Ioc) -> None:
    beat = ioc.number("HEARTBEAT")
    assert ioc.number("EventLoopDelay_RBV") < 0.25
    stall(ioc, 0.3)
    ioc.until(lambda: ioc.number("EventLoopDelay_RBV") >= 0.25)
    assert ioc.number("EventLoopDelayP99_RBV") > 0
    ioc.until(lambda: ioc.number("HEARTBEAT") >= beat + 2)
    assert ioc.get("HEARTBEAT.SEVR") == "NO_ALARM"


def test_clients_and_their_channels_are_counted_and_go_again(ioc: Ioc) -> None:
    pvs = [ioc.prefix + name for name in ("Pause", "Reset", "Lag_RBV")]
    monitor = ioc.start("camonitor", *pvs)
    ioc.until(lambda: ioc.number("CA_CONN_CNT") >= len(pvs) and ioc.number("CA_CLNT_CNT") >= 1)
    monitor.terminate()
    monitor.communicate()
    ioc.until(lambda: ioc.number("CA_CONN_CNT") < len(pvs))


def test_a_reset_that_is_refused_says_so_to_the_client(ioc: Ioc) -> None:
    assert "this IOC did not start ranks" in ioc.refused("SYSRESET", "1")
    assert ioc.get("SYSRESET") == "Done"


def test_the_limit_of_the_lag_is_put_and_read_back(ioc: Ioc) -> None:
    assert ioc.put("LagLimit", "5").returncode == 0
    assert ioc.get("LagLimit_RBV") == "5"
    ioc.until(lambda: ioc.get("Lag_RBV.HIGH") == "5")
    assert "the lowest is 0.1 s" in ioc.refused("LagLimit", "0")
    assert ioc.get("Status_RBV") == "OK"

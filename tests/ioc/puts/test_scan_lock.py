"""The scan lock keeps all but its owner out, and nobody for ever."""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path
from typing import Any

import pytest
from caproto import ChannelType

from ioc.ca.channels.alarms import NO_ALARM
from ioc.ca.database import Database
from ioc.model.ioc_order import IocOrder
from ioc.model.lock_parameters import LockCommands
from ioc.model.paths import Part
from ioc.model.pvs import PvRow
from ioc.puts.ioc_settings import IocSettings
from ioc.puts.scan_lock import ScanLock
from ioc.security.rules import Client, Guard
from reduction.host.file_system.allowed_folders import AllowedFolders
from reduction.parameters.specs import Refused
from tests.support.clients.ca_caller import Caller
from tests.support.clients.ca_client import Network
from tests.support.ioc.ioc_process import ioc_process

ANNA, BERT = Client("192.0.2.1", "anna"), Client("192.0.2.1", "bert")
ANNA_ELSEWHERE = Client("192.0.2.2", "anna")


class Bench:
    """A lock whose clock stands still; what is put elsewhere is kept."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.taken: list[tuple[str, Any]] = []
        self.database = Database("P:", self._put, guard=self._guard)
        self.own = IocSettings(IocOrder(), self.database, AllowedFolders.of(()))
        self.lock = ScanLock(self.database, self.own, lambda: self.now_s)

    def _guard(self, row: PvRow) -> Guard:
        return Guard(row.asg, admit=lambda client: self.lock.admit(row, client))

    async def _put(self, row: PvRow, value: Any, client: Client) -> Any:
        if row.group.of is LockCommands:
            return await self.lock.put(row, value, client)
        if row.place.part is Part.IOC:
            return await self.own.put(row, value, client)
        self.taken.append((row.name, value))
        return value

    def put(self, client: Client, name: str, value: str = "1") -> None:
        channel = self.database.channels["P:" + name]
        data = [value.encode()]
        asyncio.run(channel.auth_write(client.host, client.user, data, ChannelType.STRING, None))

    def get(self, name: str) -> Any:
        return self.database.channels["P:" + name].value


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_while_nobody_holds_it_everybody_puts(bench: Bench) -> None:
    bench.put(ANNA, "Sim:PulseRate", "7")
    bench.put(BERT, "Red1:BinParams", "1,1,3")
    assert bench.taken == [("P:Sim:PulseRate", 7.0), ("P:Red1:BinParams", "1,1,3")]


@pytest.mark.parametrize("other", [BERT, ANNA_ELSEWHERE])
def test_puts_of_others_are_refused_and_say_who_holds_it_and_how_long(
    bench: Bench, other: Client
) -> None:
    bench.put(ANNA, "Lock:Owner", "scan 12")
    bench.now_s += 15
    for name in ("Red1:BinParams", "Reset", "Pause", "Sim:PulseRate", "File:Name", "Lock:Expiry"):
        with pytest.raises(Refused) as refused:
            bench.put(other, name, "1")
        assert refused.value.value == f"put of {other}"
        why = "anna@192.0.2.1: scan 12 holds the scan lock for another 45 s"
        assert str(refused.value).endswith(f"refused: {why}")
        alarm = bench.database.channels["P:" + name].alarm
        assert (alarm.status, alarm.severity) == NO_ALARM
    assert bench.taken == []
    bench.put(ANNA, "Sim:PulseRate", "7")
    assert bench.taken == [("P:Sim:PulseRate", 7.0)]


@pytest.mark.parametrize(
    ("name", "value"), [("Owner", "mine"), ("Owner", ""), ("Acquire", "1"), ("Release", "1")]
)
def test_nobody_takes_it_from_its_owner_or_gives_it_back_for_it(
    bench: Bench, name: str, value: str
) -> None:
    bench.put(ANNA, "Lock:Acquire")
    with pytest.raises(Refused, match=r"anna@192\.0\.2\.1 holds the scan lock"):
        bench.put(BERT, f"Lock:{name}", value)
    assert bench.lock.owner == str(ANNA)


async def test_of_two_that_come_at_once_one_gets_it(bench: Bench) -> None:
    channel = bench.database.channels["P:Lock:Acquire"]

    async def take(client: Client) -> None:
        await channel.auth_write(client.host, client.user, [b"1"], ChannelType.STRING, None)

    async with channel._put_lock:  # a put is under way when both come
        both = [asyncio.create_task(take(client)) for client in (ANNA, BERT)]
        await asyncio.sleep(0)
    first, second = await asyncio.gather(*both, return_exceptions=True)
    assert first is None
    assert isinstance(second, Refused)
    assert bench.lock.owner == str(ANNA)


def test_each_put_of_its_owner_renews_it_and_without_one_it_expires(bench: Bench) -> None:
    bench.put(ANNA, "Lock:Expiry", "10")
    bench.put(ANNA, "Lock:Owner", "scan 12")
    for _ in range(3):
        bench.now_s += 9
        bench.put(ANNA, "Sim:Pressure", "1")
    assert (bench.get("Lock:Owner"), bench.lock.remaining_s) == ("scan 12", 10)
    bench.now_s += 10
    bench.put(BERT, "Sim:Pressure", "2")
    bench.put(BERT, "Lock:Acquire")
    assert bench.get("Lock:Owner_RBV") == "bert@192.0.2.1"
    assert bench.get("Lock:Owner") == ""
    with pytest.raises(Refused, match="bert"):
        bench.put(ANNA, "Sim:Pressure", "3")


@pytest.mark.parametrize(("name", "value"), [("Release", "1"), ("Owner", "")])
def test_its_owner_gives_it_back(bench: Bench, name: str, value: str) -> None:
    bench.put(ANNA, "Lock:Owner", "scan 12")
    assert bench.get("Lock:Owner_RBV") == "anna@192.0.2.1: scan 12"
    assert bench.get("Lock:Remaining_RBV") == 60
    bench.put(ANNA, f"Lock:{name}", value)
    assert [bench.get(f"Lock:{each}") for each in ("Owner", "Owner_RBV", "Remaining_RBV")] == [
        "",
        "",
        0,
    ]
    bench.put(BERT, "Lock:Acquire")


def test_acquiring_again_keeps_the_name(bench: Bench) -> None:
    bench.put(ANNA, "Lock:Owner", "scan 12")
    bench.put(ANNA, "Lock:Acquire")
    assert bench.lock.owner == "anna@192.0.2.1: scan 12"


def test_another_may_break_it_which_is_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.put(ANNA, "Lock:Owner", "scan 12")
    bench.put(BERT, "Lock:Break", "0")
    assert bench.lock.owner
    bench.put(BERT, "Lock:Break")
    assert not bench.lock.owner
    assert "bert@192.0.2.1 breaks the scan lock of anna@192.0.2.1: scan 12" in caplog.text
    bench.put(BERT, "Sim:Pressure", "2")


def test_a_scan_keeps_another_user_out_until_it_is_over(net: Network, tmp_path: Path) -> None:
    me = f"{getpass.getuser()}@127.0.0.1"
    with ioc_process(net, tmp_path) as ioc:
        units = ioc.prefix + "Red1:Units"
        with Caller(net.port, "bert") as bert:
            assert ioc.put("Lock:Owner", "scan 12").returncode == 0
            assert ioc.get("Lock:Owner_RBV", "-S") == f"{me}: scan 12"
            said = bert.put(units, "TOF")
            assert said.startswith("ECA_PUTFAIL")
            assert f"put of bert@127.0.0.1' refused: {me}: scan 12 holds the scan lock for" in said
            assert bert.put(ioc.prefix + "Lock:Acquire", "1").startswith("ECA_PUTFAIL")
            assert ioc.put("Red1:Units", "Wavelength").returncode == 0, "another connection of ours"
            assert ioc.put("Lock:Release", "1").returncode == 0
            assert bert.put(units, "TOF") == ""
            assert bert.put(ioc.prefix + "Lock:Acquire", "1") == ""
            assert bert.put(ioc.prefix + "Lock:Expiry", "2") == ""
        assert "bert@127.0.0.1 holds the scan lock" in ioc.refused("Red1:Units", "TOF")
        ioc.until(lambda: not ioc.get("Lock:Owner_RBV", "-S"))
        assert ioc.put("Red1:Units", "dSpacing").returncode == 0
        assert ioc.get("Lock:Remaining_RBV") == "0"


def test_the_operator_breaks_a_lock_that_was_left_behind(net: Network, tmp_path: Path) -> None:
    with ioc_process(net, tmp_path) as ioc:
        with Caller(net.port, "bert") as bert:
            assert bert.put(ioc.prefix + "Lock:Owner", "scan 13") == ""
        assert ioc.put("Reset", "1").returncode == 1
        assert ioc.put("Lock:Break", "1").returncode == 0
        assert ioc.put("Reset", "1").returncode == 0
        _, warned = ioc.stop()
    assert "breaks the scan lock of bert@127.0.0.1: scan 13" in warned

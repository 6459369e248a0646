"""The pvAccess server itself: slow clients, its end, its start, and who it can be reached by."""

from __future__ import annotations

import asyncio
import inspect
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from contextlib import closing
from typing import Any

import numpy as np
import psutil
import pytest

from ioc.options.command_line import parse
from ioc.options.commands import RunOptions
from ioc.options.host_checks import pva_served
from ioc.options.program import StartError
from ioc.pva.addresses import Addresses
from tests.support.ca_client import TOOLS, Client, Network

pytest.importorskip("p4p", reason="pvAccess is served with p4p")
import p4p
from p4p.client.thread import Context
from p4p.nt import NTScalar
from p4p.server.raw import SharedPV

from ioc.ca.channel import ClientPuts, channel
from ioc.pva.normative import Normative
from ioc.pva.put_operations import MOST_PUT_BYTES
from ioc.pva.server import PvAccess, PvaConnection
from reduction.parameters.specs import Array, Float, Text
from tests.support.pva_client import context

BINS, POSTS = 100_000, 400


async def test_a_client_that_stops_costs_a_few_values_and_others_nothing(net: Network) -> None:
    with context(net) as other:
        served = channel(Array(pv="A", description="a"), np.zeros(BINS), max_length=BINS)
        addresses = Addresses(port=0, search_port=net.search_port)
        pva = PvAccess({"T:A"}.__contains__, lambda _: Normative(served), addresses)
        serving = asyncio.create_task(pva.serve())
        stopped = subprocess.Popen(
            [str(TOOLS / "pvmonitor"), "T:A"], env=net.environment, stdout=subprocess.PIPE
        )
        assert stopped.stdout is not None
        await asyncio.to_thread(stopped.stdout.readline)
        stopped.send_signal(signal.SIGSTOP)
        before = psutil.Process().memory_info().rss
        for value in range(1, POSTS + 1):
            await served.publish_value(np.full(BINS, float(value)))
            await asyncio.sleep(0)
        grown = psutil.Process().memory_info().rss - before
        assert grown < POSTS * BINS * 8 / 5
        assert (await asyncio.to_thread(other.get, "T:A"))[-1] == POSTS
        stopped.kill()
        stopped.communicate()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_a_channel_without_clients_is_not_watched(net: Network) -> None:
    with context(net) as client:
        served = channel(Array(pv="A", description="a"), np.zeros(3), max_length=3)
        addresses = Addresses(port=0, search_port=net.search_port)
        serving = asyncio.create_task(
            PvAccess({"T:A"}.__contains__, lambda _: Normative(served), addresses).serve()
        )
        assert not served.watchers
        await asyncio.to_thread(client.get, "T:A")
        assert len(served.watchers) == 1
        client.close()
        async with asyncio.timeout(5):
            while served.watchers:
                await asyncio.sleep(0)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def test_text_beyond_ascii_and_nan_are_shown() -> None:
    words = channel(Text(pv="T", description="t"), "5 µm, 3 Å")
    assert Normative(words).complete()["value"] == "5 µm, 3 Å"
    assert np.isnan(Normative(channel(Float(pv="F", description="f"), np.nan)).complete()["value"])


class Operation:
    """A put of 3 whose client is on its way out."""

    error: str | None = "not answered"

    def pvRequest(self) -> Any:  # noqa: N802
        return Context.makeRequest("field()")

    def value(self) -> Any:
        return NTScalar("d").wrap(3.0)

    def account(self) -> str:
        return "somebody"

    def peer(self) -> str:
        return "127.0.0.1:40000"

    def done(self, error: str | None) -> None:
        self.error = error


async def test_a_put_of_a_client_that_leaves_at_once_is_obeyed_and_dropped_by_another_thread(
    net: Network,
) -> None:
    async def take(value: Any, _client: object) -> Any:
        return value

    served = channel(Float(pv="F", description="f"), 1.0, ClientPuts(take))
    addresses = Addresses(port=0, search_port=net.search_port)
    pva = PvAccess({"T:F"}.__contains__, lambda _: Normative(served), addresses)
    serving = asyncio.create_task(pva.serve())
    await asyncio.sleep(0)
    client, operation = await asyncio.to_thread(pva.makeChannel, "T:F", ""), Operation()
    assert client is not None
    dropped_by: list[threading.Thread] = []
    weakref.finalize(operation, lambda: dropped_by.append(threading.current_thread()))
    pva.put(client, operation)
    pva.onLastDisconnect(client)
    async with asyncio.timeout(5):
        while operation.error is not None:
            await asyncio.sleep(0)
        del operation
        while not dropped_by:  # who drops it waits for p4p, which waits for the event loop
            await asyncio.sleep(0)
    assert dropped_by != [threading.main_thread()]
    assert served.value == 3
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


class LongPut(Operation):
    """A put of 3 with a message of one MiB, by the client at an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def value(self) -> Any:
        made = NTScalar("d").wrap(3.0)
        made["alarm.message"] = "m" * (1 << 20)
        return made

    def peer(self) -> str:
        return self._address


async def test_a_client_whose_puts_hold_too_much_is_refused_more_until_some_have_ended(
    net: Network,
) -> None:
    may_end = asyncio.Event()

    async def take(value: Any, _client: object) -> Any:
        await may_end.wait()
        return value

    served = channel(Float(pv="F", description="f"), 1.0, ClientPuts(take))
    addresses = Addresses(port=0, search_port=net.search_port)
    pva = PvAccess({"T:F"}.__contains__, lambda _: Normative(served), addresses)
    serving = asyncio.create_task(pva.serve())
    await asyncio.sleep(0)
    client = await asyncio.to_thread(pva.makeChannel, "T:F", "")
    assert client is not None
    most = (MOST_PUT_BYTES >> 20) - 1
    puts = [LongPut("127.0.0.1:40000") for _ in range(most + 2)]
    other = LongPut("127.0.0.1:40001")
    for each in (*puts[:-1], other):
        pva.put(client, each)
    assert puts[-2].error == (
        "puts of this client that are in progress hold 32 MiB: wait until some have ended"
    )
    assert {each.error for each in (*puts[:most], other)} == {"not answered"}
    may_end.set()
    async with asyncio.timeout(20):
        while any(each.error is not None for each in (*puts[:most], other)):
            await asyncio.sleep(0)
        pva.put(client, puts[-1])
        while puts[-1].error is not None:
            await asyncio.sleep(0)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_a_client_is_refused_names_that_there_are_not_and_too_many_channels(
    net: Network, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ioc.pva.server.MOST_CHANNELS", 3)
    served = channel(Float(pv="F", description="f"), 1.0)
    addresses = Addresses(port=0, search_port=net.search_port)
    pva = PvAccess({"T:F"}.__contains__, lambda _: Normative(served), addresses)

    async def made(name: str, peer: str) -> PvaConnection | None:
        return await asyncio.to_thread(pva.makeChannel, name, peer)

    first, *others = [await made("T:F", "a:1") for _ in range(4)]
    assert first is not None
    assert [each is None for each in others] == [False, False, True]
    assert await made("T:F", "a:2") is not None
    pva.onLastDisconnect(first)
    assert await made("T:F", "a:1") is not None
    assert await made("T:G", "a:3") is None
    assert not caplog.messages


VISITS = 40


async def test_clients_that_subscribe_and_leave_at_once_do_not_stop_the_server(
    net: Network,
) -> None:
    channels = {f"T:{number}": channel(Float(pv="F", description="f"), 1.0) for number in range(40)}
    addresses = Addresses(port=0, search_port=net.search_port)
    pva = PvAccess(channels.__contains__, lambda name: Normative(channels[name]), addresses)
    serving = asyncio.create_task(pva.serve())

    def come_and_go() -> None:
        for visit in range(VISITS):
            with context(net) as visitor:
                opened = [visitor.monitor(name, lambda _: None) for name in channels]
                time.sleep(0.002 * visit)  # some leave before they are connected, some after it
                for each in opened:
                    each.close()

    await asyncio.to_thread(come_and_go)
    with context(net) as other:
        assert await asyncio.to_thread(other.get, "T:0") == 1
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


def alone(net: Network, prefix: str, *flags: str) -> subprocess.Popen[str]:
    """The IOC alone, its links on ports of its own."""
    ends = ("--control", "tcp://127.0.0.1:*", "--sim-control", "tcp://127.0.0.1:*")
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "ioc", "ioc", "--prefix", prefix),
            *("--port", str(net.port), *ends, *flags),
        ],
        env=net.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_while_clients_monitor_and_wait(net: Network, number: int) -> None:
    client = Client(net, f"T{secrets.token_hex(4)}:")
    server = alone(net, client.prefix)
    client.until(lambda: client.tool("pvget", client.prefix + "Pause").returncode == 0, 20)
    monitor = client.start("pvmonitor", client.prefix + "Pause")
    waits = client.start("pvput", "-w", "20", client.prefix + "Pause", "1")
    assert monitor.stdout is not None
    assert waits.stdout is not None
    monitor.stdout.readline()
    waits.stdout.readline()
    server.send_signal(number)
    said, _ = server.communicate(timeout=20)
    assert (server.returncode, said) == (0, "")
    for each in (monitor, waits):
        each.kill()
        each.communicate()


def test_with_pva_off_nobody_answers(net: Network) -> None:
    client = Client(net, f"T{secrets.token_hex(4)}:")
    server = alone(net, client.prefix, "--pva", "off")
    client.until(lambda: client.tool("caget", client.prefix + "Pause").returncode == 0, 20)
    assert client.tool("pvget", "-w", "0.5", client.prefix + "Pause").returncode == 1
    server.terminate()
    server.communicate(timeout=20)


def test_it_is_reached_from_this_host_alone(net: Network) -> None:
    every = psutil.net_if_addrs().values()
    found = {each.address for own in every for each in own if each.family is socket.AF_INET}
    others = [address for address in found if not address.startswith("127.")]
    if not others:
        pytest.skip("this host has no address but loopback")
    client = Client(net, f"T{secrets.token_hex(4)}:")
    server = alone(net, client.prefix)
    client.until(lambda: client.tool("pvget", client.prefix + "Pause").returncode == 0, 20)
    listening = [
        each.laddr
        for each in psutil.Process(server.pid).net_connections("tcp")
        if each.status == psutil.CONN_LISTEN
    ]
    assert {ip for ip, _ in listening} == {"127.0.0.1"}
    environment = net.environment | {"EPICS_PVA_ADDR_LIST": others[0]}
    get = [str(TOOLS / "pvget"), "-w", "0.5", client.prefix + "Pause"]
    assert subprocess.run(get, env=environment, capture_output=True).returncode == 1
    server.terminate()
    server.communicate(timeout=20)


def test_a_port_that_is_taken_is_no_hindrance(net: Network) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        client = Client(net, f"T{secrets.token_hex(4)}:")
        server = alone(net, client.prefix, "--pva-port", str(taken.getsockname()[1]))
        client.until(lambda: client.tool("pvget", client.prefix + "Pause").returncode == 0, 20)
        server.terminate()
        server.communicate(timeout=20)


def test_loopback_sends_beacons_to_itself_alone() -> None:
    assert Addresses().settings == {
        "EPICS_PVAS_INTF_ADDR_LIST": "127.0.0.1",
        "EPICS_PVAS_BEACON_ADDR_LIST": "127.0.0.1",
        "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO",
    }
    assert Addresses(("10.0.0.3", "127.0.0.1"), 5085).settings == {
        "EPICS_PVAS_INTF_ADDR_LIST": "10.0.0.3 127.0.0.1",
        "EPICS_PVAS_SERVER_PORT": "5085",
    }


def test_pva_is_served_unless_it_is_off() -> None:
    assert pva_served(RunOptions())
    assert pva_served(RunOptions(pva="on"))
    assert not pva_served(RunOptions(pva="off"))
    with pytest.raises(StartError, match="it is one of auto, on, off"):
        parse(["run", "--pva", "maybe"])


def test_pva_on_without_p4p_ends_with_what_to_install() -> None:
    program = (
        "import sys; sys.modules['p4p'] = None; from ioc.app.cli import main; "
        "main(['ioc', '--pva', 'on', '--control', 'tcp://127.0.0.1:*'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "live-reduction: pva = on: it needs p4p: pip install 'epics-live-reduction[pva]'\n"
    )


def test_p4p_still_calls_handlers_through_the_method_that_we_replace() -> None:
    replaced = list(inspect.signature(SharedPV._exec).parameters)
    assert replaced == ["self", "op", "M", "args"], (
        f"p4p {p4p.__version__} changed SharedPV._exec, which ioc/pva/server.py replaces so that"
        f" clients' operations run on the event loop: it takes {replaced}"
    )

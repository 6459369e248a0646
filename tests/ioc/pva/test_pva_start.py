"""How the pvAccess server starts and ends, and who it can be reached by."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
import sys
from contextlib import closing

import psutil
import pytest

from ioc.options.command_line import parse
from ioc.options.commands import RunOptions
from ioc.options.host_checks import pva_served
from ioc.options.program import StartError
from ioc.pva.addresses import Addresses
from tests.support.clients.ca_client import TOOLS, Client, Network

pytest.importorskip("p4p", reason="pvAccess is served with p4p")


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

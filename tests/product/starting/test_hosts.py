"""The parts on several hosts, as the documentation has it: addresses, an MPI job, links and clocks.

Hosts are namespaces of Linux: `tests.support.product.hosts`.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ioc.options.host_checks import mpi_launcher
from tests.support.clients.ca_client import TOOLS, Client, Network
from tests.support.product.hosts import Host, NoHosts, hosts
from tests.support.product.live import START_S

pytestmark = pytest.mark.timeout(600)

SITE = """\
prefix = "H:"
partitions = 2
events = "tcp://{source}:5600"
control = "tcp://{control}:5590"
sim-control = "tcp://{control}:5591"
interfaces = "{control}"
key = "{folder}/key"

[set]
"Sim:EventsPerPulse" = 500
"Red1:BinParams" = "1,0.1,3"
"""

AGENT = """\
#!/bin/sh
# In place of ssh: ADDRESS COMMAND ...
shift
exec {host} sh -c "$*"
"""

CLOCK = Path(__file__).parents[2] / "support/stepped_clock"

GRACE_S = 60

TAKEN = """\
import socket, sys, time
taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
taken.bind(("", int(sys.argv[1])))
print("taken", flush=True)
time.sleep(3600)
"""


class HostsClient(Client):
    """The C tools on one of the hosts."""

    def __init__(self, net: Network, host: Host) -> None:
        super().__init__(net, "H:")
        self._host = host

    def tool(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._host.words, str(TOOLS / name), "-w", "10", *words],
            env=self.network.environment | {"EPICS_CA_ADDR_LIST": self._host.address},
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )


class Site:
    """Four hosts with the parts on them, all with one configuration file."""

    def __init__(self, net: Network, folder: Path, found: Sequence[Host]) -> None:
        self.source, self.first, self.second, self.control = found
        self.client = HostsClient(net, self.control)
        self._net, self._folder = net, folder
        addresses = {"source": self.source.address, "control": self.control.address}
        self._config = folder / "site.toml"
        self._config.write_text(SITE.format(**addresses, folder=folder), encoding="utf-8")

    def ranks(self) -> Sequence[str]:
        """What is put before the command of the ranks: a rank on each of two hosts."""
        agent = self._folder / "agent"
        agent.write_text(AGENT.format(host=shlex.join(self.second.words_for_hosts)))
        agent.chmod(0o755)
        return (
            *(mpi_launcher(), "--allow-run-as-root", "--prtemca", "plm_ssh_agent", str(agent)),
            *("--host", f"{self.first.address}:1,{self.second.address}:1", "-n", "2"),
        )

    @contextmanager
    def part(
        self, host: Host, *command: str, launcher: Sequence[str] = (), ahead_s: float = 0.0
    ) -> Iterator[None]:
        """A part that runs on a host, whose clock is ``ahead_s`` seconds ahead of the others'."""
        program = (sys.executable, "-P", "-m", "ioc", *command, "--config", str(self._config))
        with subprocess.Popen(
            [*host.words, *launcher, *program],
            env=self._net.environment | self._clock(host, ahead_s),
        ) as process:
            try:
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(GRACE_S)

    def _clock(self, host: Host, ahead_s: float) -> dict[str, str]:
        offset = self._folder / f"{host.name}.clock"
        offset.write_bytes(round(ahead_s * 1e9).to_bytes(8, "little", signed=True))
        root = str(Path(__file__).parents[3])
        return {
            "PYTHONPATH": os.pathsep.join((root, str(CLOCK))),
            "STEPPED_CLOCK": str(offset),
        }


@contextmanager
def without_repeater(net: Network, host: Host) -> Iterator[None]:
    """A context in which C clients on a host start no caRepeater, which would outlive the test."""
    port = net.environment["EPICS_CA_REPEATER_PORT"]
    command = [*host.words, sys.executable, "-c", TAKEN, port]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as taken:
        assert taken.stdout
        try:
            assert taken.stdout.readline() == b"taken\n"
            yield
        finally:
            taken.kill()


@pytest.fixture
def site(net: Network, tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        try:
            found = stack.enter_context(hosts("source", "compute1", "compute2", "control"))
        except NoHosts as error:
            pytest.skip(f"no hosts can be made of namespaces here: {error}")
        stack.enter_context(without_repeater(net, found[-1]))
        yield Site(net, tmp_path, found)


def test_the_parts_on_four_hosts_lose_nothing_when_links_are_cut_and_clocks_differ(
    site: Site,
) -> None:
    client = site.client
    with ExitStack() as stack:
        stack.enter_context(site.part(site.control, "ioc"))
        client.until(lambda: client.tool("caget", "H:Pause").returncode == 0, START_S)
        stack.enter_context(site.part(site.source, "simulate", ahead_s=1.0))
        stack.enter_context(site.part(site.first, "ranks", launcher=site.ranks()))
        client.until(lambda: client.number("PulseLast_RBV") > 0, START_S)
        assert client.number("Ranks_RBV") == 2

        last = _cut(site, site.source, "no report from the simulator")
        client.until(lambda: client.number("PulseLast_RBV") > last + 50, 30)
        last = _cut(site, site.first, "no report from the ranks")
        client.until(lambda: client.number("PulseLast_RBV") > last + 50, 30)
        assert client.get("StatusMessage_RBV", "-S") == ""

        assert client.put("Sim:Pause", "1").returncode == 0
        client.until(lambda: client.number("PulseLast_RBV") == client.number("Sim:Pulse_RBV"))
        assert client.number("PulsesMissing_RBV") == 0
        assert client.number("MessagesDropped_RBV") == 0
        assert -2 < client.number("Lag_RBV") < 2


def _cut(site: Site, host: Host, message: str) -> float:
    """Cut a host's link until the IOC tells so, and mend it; returns the last pulse before."""
    last = site.client.number("PulseLast_RBV")
    host.cut()
    site.client.until(lambda: message in site.client.get("StatusMessage_RBV", "-S"))
    host.mend()
    return last

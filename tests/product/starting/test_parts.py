"""The parts started one by one, as a site does, over TCP."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from ioc.app.processes.child_processes import MPIEXEC_FLAGS
from ioc.options.host_checks import mpi_launcher
from tests.support.clients.ca_client import Client, Network
from tests.support.ports import free_ports
from tests.support.product.live import START_S

pytestmark = pytest.mark.timeout(480)


def answers(client: Client) -> bool:
    """Whether an IOC answers."""
    return client.tool("caget", client.prefix + "Pause").returncode == 0


class Site:
    """A config file, and parts started with it."""

    def __init__(self, net: Network, folder: Path) -> None:
        self.client = Client(net, f"T{secrets.token_hex(4)}:")
        self._net = net
        self._config = folder / "site.toml"
        control, sim_control, events = free_ports(3)
        self._config.write_text(
            f"""
            prefix = "{self.client.prefix}"
            port = {net.port}
            partitions = 3
            events = "tcp://127.0.0.1:{events}"
            control = "tcp://127.0.0.1:{control}"
            sim-control = "tcp://127.0.0.1:{sim_control}"
            [set]
            "Sim:EventsPerPulse" = 500
            "Red1:BinParams" = "1,0.1,3"
            """
        )

    @contextmanager
    def part(self, name: str, *launcher: str) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [*launcher, sys.executable, "-m", "ioc", name, "--config", str(self._config)],
            env=self._net.environment,
        )
        try:
            yield process
        finally:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(True)]
            process.terminate()
            process.wait(40)
            _, alive = psutil.wait_procs(family, timeout=20)
            for each in alive:
                each.kill()
            assert alive == []


def test_an_ioc_that_restarts_finds_the_accumulation_as_it_was(
    net: Network, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        site = Site(net, tmp_path)
        client = site.client
        stack.enter_context(site.part("simulate"))
        stack.enter_context(site.part("ranks", mpi_launcher(), *MPIEXEC_FLAGS, "-n", "2"))
        with site.part("ioc"):
            client.until(
                lambda: client.tool("caget", client.prefix + "Pause").returncode == 0, START_S
            )
            client.until(lambda: client.number("Red1:Spec:Total_RBV") > 0, 20)
            assert client.put("Red1:BinParams", "1,0.5,2", "-S").returncode == 0
            assert client.put("Reset", "1").returncode == 0
            client.until(lambda: client.number("Red1:Spec:Total_RBV") > 0)
            first = client.number("PulseFirst_RBV")
            last = client.number("PulseLast_RBV")
        with site.part("ioc"):
            client.until(
                lambda: client.tool("caget", client.prefix + "Pause").returncode == 0, START_S
            )
            client.until(lambda: client.get("DetectorState_RBV") == "Acquire", START_S)
            client.until(lambda: client.number("PulseLast_RBV") > last)
            assert client.number("PulseFirst_RBV") == first
            assert len(client.array("Red1:Spec:YC")) == 20
            assert client.number("PulsesMissing_RBV") == 0


def test_an_ioc_alone_says_who_is_missing(net: Network, tmp_path: Path) -> None:
    site = Site(net, tmp_path)
    client = site.client
    with site.part("ioc"):
        client.until(lambda: answers(client), START_S)
        assert client.get("DetectorState_RBV") == "Disconnected"
        assert "waiting for the ranks" in client.get("StatusMessage_RBV", "-S")
        assert client.get("EventTotal_RBV.SEVR") == "INVALID"
        assert client.get("Sim:Pulse_RBV.SEVR") == "INVALID"

"""Where a run can be reached: what it was told to serve on, and nothing else."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import psutil
import pytest

from tests.support.clients.ca_client import network
from tests.support.product.live import live

EVERYWHERE = {f"EPICS_{name}_INTF_ADDR_LIST": "0.0.0.0" for name in ("CAS", "PVAS", "CA", "PVA")}


def reachable(process: psutil.Process) -> set[str]:
    """The addresses that a process listens on and that are not on loopback.

    Searches of pvAccess are left out: pvxs takes them on all interfaces, and answers none that came
    by one on which it does not serve.
    """
    if _is_offline(process.pid):
        return set()
    return {
        f"{each.laddr.ip} port {each.laddr.port}"
        for each in process.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and not ipaddress.ip_address(each.laddr.ip).is_loopback
    }


def _is_offline(pid: int) -> bool:
    """Whether a process has a network of its own with nothing in it but loopback."""
    if Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
        return False
    lines = Path(f"/proc/{pid}/net/dev").read_text(encoding="ascii").splitlines()[2:]
    return [each.split(":")[0].strip() for each in lines] == ["lo"]


def test_all_sockets_of_all_processes_are_on_loopback_whatever_the_environment_says(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with network() as net:
        net.environment.update(EVERYWHERE)
        with live(net, "--silence=6") as running:
            running.ready()
            every = [running.head, *running.family()]
            assert len(every) >= 5  # IOC, simulator, mpiexec, two ranks
            found = {each.pid: reachable(each) for each in every}
            if "no network namespaces" in capfd.readouterr().err:
                pytest.skip("this system allows no network namespaces")
            assert set().union(*found.values()) == set(), found

"""An IOC whose limits are reached: clients are refused, and the rest goes on."""

from __future__ import annotations

import resource
import socket
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.support.clients.ca_client import Network
from tests.support.clients.raw_ca_client import DBE_VALUE, LONG, RawClient, decoded
from tests.support.ioc.ioc_process import IocProcess, ioc_process

pytestmark = pytest.mark.timeout(240)

FILES, CLIENTS = 256, 1000


def listening_ports(running: IocProcess) -> set[int]:
    """The ports of Channel Access and of pvAccess."""
    found = psutil.Process(running.process.pid).net_connections("tcp")
    return {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}


def connect(port: int, stack: ExitStack) -> None:
    """Begin `CLIENTS` connections to a port; the system goes on trying to make them."""
    for _ in range(CLIENTS):
        made = stack.enter_context(socket.socket())
        made.setblocking(False)
        made.connect_ex(("127.0.0.1", port))


def test_a_thousand_connections_at_a_limit_of_256_files_change_nothing_for_others(
    net: Network, tmp_path: Path
) -> None:
    pytest.importorskip("p4p", reason="p4p is not installed")
    with ioc_process(net, tmp_path) as running, RawClient(net.port) as early:
        process, name = psutil.Process(running.process.pid), running.prefix + "HEARTBEAT"
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
        beats = early.monitor(name, LONG, DBE_VALUE)
        ports = listening_ports(running)
        assert len(ports) == 2
        for port in ports:
            with ExitStack() as stack:
                connect(port, stack)
                early.listen(3)
                running.until(lambda: process.num_fds() < FILES, 60)
                before_s = sum(process.cpu_times()[:2])
                early.listen(1)
                assert sum(process.cpu_times()[:2]) - before_s < 0.7
            running.until(lambda: process.num_fds() < FILES // 2, 60)
        running.until(lambda: running.number("ClientsRefused_RBV") > 0)
        assert "are the limit (ulimit -n)" in running.get("StatusMessage_RBV", "-S")
        running.until(lambda: "Timeout" not in running.said("pvget", name), 60)
        early.listen(1)
        numbers = [float(decoded(each).values[0]) for each in early.events[beats]]
        assert len(numbers) > 3
        assert numbers == [numbers[0] + n for n in range(len(numbers))]

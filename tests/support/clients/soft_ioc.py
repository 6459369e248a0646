"""A control system beside ours: a softIoc of EPICS Base, on a port of its own on loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.clients.ca_client import TOOLS, Client, Network, network

RECORDS = """
record(ao, "{prefix}Temperature") {{ field(VAL, "295.5") field(EGU, "K") field(PINI, "YES") }}
record(ai, "{prefix}Broken") {{ field(UDFS, "INVALID") }}
record(mbbo, "{prefix}State") {{ field(ONST, "On") field(VAL, "1") field(PINI, "YES") }}
record(stringout, "{prefix}Name") {{ field(VAL, "Si") field(PINI, "YES") }}
record(waveform, "{prefix}Scan") {{ field(FTVL, "DOUBLE") field(NELM, "3") }}
"""


class SoftIoc(Client):
    """The softIoc, started and stopped, and the C tools that find it."""

    def __init__(self, net: Network, folder: Path) -> None:
        super().__init__(net, "Cryo:")
        self._records = folder / "records.db"
        self._records.write_text(RECORDS.format(prefix=self.prefix))
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        self._process = subprocess.Popen(
            [str(TOOLS / "softIoc"), "-S", "-d", str(self._records)],
            env=self.network.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.until(lambda: self.tool("caget", self.prefix + "Temperature").returncode == 0)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def soft_ioc(folder: Path) -> Iterator[SoftIoc]:
    """A running softIoc."""
    with network() as net:
        ioc = SoftIoc(net, folder)
        ioc.run()
        try:
            yield ioc
        finally:
            ioc.stop()


def client_environment(ioc: SoftIoc) -> dict[str, str]:
    """What a client in this process needs to find it."""
    names = ("EPICS_CA_AUTO_ADDR_LIST", "EPICS_CA_REPEATER_PORT")
    chosen = {name: ioc.network.environment[name] for name in names}
    return chosen | {"EPICS_CA_ADDR_LIST": f"127.0.0.1:{ioc.network.port}"}

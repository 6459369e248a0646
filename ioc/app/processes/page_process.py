"""The web page as a child process of ``run``: its address, and how it finds the IOC."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ioc.app.processes.child import Child
from ioc.options.commands import RunOptions, WebOptions
from ioc.options.host_checks import pva_served
from ioc.options.shared_options import split_addresses
from ioc.page.handover import child_environment, new_token
from ioc.page.listening import address_of, listening_sockets
from ioc.process.python_command import PYTHON

ANY_ADDRESS = "0.0.0.0"

LOOPBACK = "127.0.0.1"

PVXS_LOG = "pvxs.tcp.io=CRIT"
"""What pvAccess logs in the page's process, unless the user says: not that the IOC has ended."""


@dataclass(frozen=True)
class PageProcess:
    """The process that serves the web page, which is started again whenever it ends.

    ``sockets`` listen as long as this process lives, so that no browser is refused while the
    process starts. ``token`` stays the same, too.
    """

    options: WebOptions
    sockets: Sequence[socket.socket]
    token: str
    environment: Mapping[str, str]

    @property
    def address(self) -> str:
        """The address of the page, with the token."""
        return address_of(self.sockets, self.token)

    async def run(self) -> None:
        """Keep the process running until cancelled."""
        environment = {**self.environment, **child_environment(self.token, self.sockets)}
        files = [each.fileno() for each in self.sockets]
        try:
            await Child("web", environment, files).run(self._command, _ended)
        finally:
            for each in self.sockets:
                each.close()

    def _command(self) -> Sequence[str]:
        return (*PYTHON, "-m", "ioc", *self.options.arguments())


async def _ended(_reason: str) -> None:
    """Does nothing: the child logs why it ended, and nothing is lost with it."""


def page_process(run: RunOptions, environment: Mapping[str, str]) -> PageProcess | None:
    """The process of the page of a run; None if there is to be none, or no pvAccess is served.

    Raises `StartError` for an address that cannot be served on.
    """
    if run.no_web or not pva_served(run):
        return None
    sockets = listening_sockets(run.page_addresses, run.web_port)
    searched = [
        LOOPBACK if each == ANY_ADDRESS else each for each in split_addresses(run.interfaces)
    ]
    finding = {
        "EPICS_PVA_ADDR_LIST": " ".join(searched),
        "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        "EPICS_PVA_NAME_SERVERS": "",
        "PVXS_LOG": environment.get("PVXS_LOG") or PVXS_LOG,
    }
    if port := environment.get("EPICS_PVAS_BROADCAST_PORT"):
        finding["EPICS_PVA_BROADCAST_PORT"] = port
    return PageProcess(run.options_for(WebOptions), sockets, new_token(), finding)

"""Addresses on which pvAccess is served. Does not import p4p, which may not be installed."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from ioc.ca.client.other_iocs import ServedPlace

FROM_ENVIRONMENT = (
    *("EPICS_PVAS_SERVER_PORT", "EPICS_PVA_SERVER_PORT"),
    *("EPICS_PVAS_BROADCAST_PORT", "EPICS_PVA_BROADCAST_PORT"),
    *("EPICS_PVAS_BEACON_ADDR_LIST", "EPICS_PVAS_AUTO_BEACON_ADDR_LIST"),
    *("EPICS_PVAS_IGNORE_ADDR_LIST", "EPICS_PVA_CONN_TMO"),
)
"""What holds also here. Not the interfaces: those of the environment would come on top."""


@dataclass(frozen=True)
class Addresses:
    """Interfaces and ports of pvAccess.

    ``port`` None is EPICS_PVAS_SERVER_PORT, or else 5075. If the port is taken, the server
    uses another one, which searches find too. ``search_port`` None is EPICS_PVAS_BROADCAST_PORT, or
    else 5076. ``environment`` holds variables of EPICS.
    """

    interfaces: tuple[str, ...] = ("127.0.0.1",)
    port: int | None = None
    search_port: int | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def settings(self) -> dict[str, str]:
        """Settings for p4p, which must not use the environment besides.

        A server on loopback sends beacons to loopback alone.
        """
        names = " ".join(self.interfaces)
        given = self.environment.keys() & set(FROM_ENVIRONMENT)
        settings = {each: self.environment[each] for each in given}
        settings["EPICS_PVAS_INTF_ADDR_LIST"] = names
        if all(ipaddress.ip_address(each).is_loopback for each in self.interfaces):
            settings["EPICS_PVAS_BEACON_ADDR_LIST"] = names
            settings["EPICS_PVAS_AUTO_BEACON_ADDR_LIST"] = "NO"
        if self.port is not None:
            settings["EPICS_PVAS_SERVER_PORT"] = str(self.port)
        if self.search_port is not None:
            settings["EPICS_PVAS_BROADCAST_PORT"] = str(self.search_port)
        return settings


def server_place(settings: Mapping[str, str]) -> ServedPlace:
    """Where a server with these settings is, and where others would be with the same names."""
    words = f"{settings['EPICS_PVA_ADDR_LIST']} {settings['EPICS_PVAS_INTF_ADDR_LIST']}".split()
    hosts = {"127.0.0.1" if each == "0.0.0.0" else each for each in words if _is_address(each)}
    port = int(settings["EPICS_PVAS_BROADCAST_PORT"])
    targets = frozenset((each, port) for each in hosts)
    return ServedPlace(int(settings["EPICS_PVAS_SERVER_PORT"]), targets)


def _is_address(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 4
    except ValueError:  # with a port, or of a group
        return False

"""Where pvAccess is served. Imports no p4p, which may not be installed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True)
class Addresses:
    """Interfaces, and ports: None is what EPICS_PVAS_SERVER_PORT and EPICS_PVAS_BROADCAST_PORT
    say, or else 5075 and 5076. If ``port`` is taken any other is used, which searches find too.
    """

    interfaces: tuple[str, ...] = ("127.0.0.1",)
    port: int | None = None
    search_port: int | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What overrides the environment; who serves this host alone sends beacons to it alone."""
        names = " ".join(self.interfaces)
        settings = {"EPICS_PVAS_INTF_ADDR_LIST": names}
        if all(ipaddress.ip_address(each).is_loopback for each in self.interfaces):
            settings["EPICS_PVAS_BEACON_ADDR_LIST"] = names
            settings["EPICS_PVAS_AUTO_BEACON_ADDR_LIST"] = "NO"
        if self.port is not None:
            settings["EPICS_PVAS_SERVER_PORT"] = str(self.port)
        if self.search_port is not None:
            settings["EPICS_PVAS_BROADCAST_PORT"] = str(self.search_port)
        return settings

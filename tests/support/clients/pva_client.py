"""A pvAccess client in this process: p4p's, on loopback alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from p4p.client.thread import Context

from tests.support.clients.ca_client import Network


@contextmanager
def context(net: Network) -> Iterator[Any]:
    names = ("EPICS_PVA_ADDR_LIST", "EPICS_PVA_AUTO_ADDR_LIST", "EPICS_PVA_BROADCAST_PORT")
    with Context("pva", conf={name: net.environment[name] for name in names}, useenv=False) as made:
        yield made

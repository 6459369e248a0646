"""A pvAccess client in this process: p4p's, on loopback alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from p4p.client.thread import Context

from tests.support.clients.ca_client import Network

PATIENCE_S = 60.0
"""How long a client waits for an answer, in s: other tests may have both cores meanwhile."""


class PatientContext(Context):  # type: ignore[misc]
    """p4p's client, which waits for `PATIENCE_S` in place of 5 s unless it is told otherwise."""

    def get(self, *args: Any, timeout: float = PATIENCE_S, **more: Any) -> Any:
        return super().get(*args, timeout=timeout, **more)

    def put(self, *args: Any, timeout: float = PATIENCE_S, **more: Any) -> Any:
        return super().put(*args, timeout=timeout, **more)

    def rpc(self, *args: Any, timeout: float = PATIENCE_S, **more: Any) -> Any:
        return super().rpc(*args, timeout=timeout, **more)


@contextmanager
def context(net: Network) -> Iterator[Any]:
    names = ("EPICS_PVA_ADDR_LIST", "EPICS_PVA_AUTO_ADDR_LIST", "EPICS_PVA_BROADCAST_PORT")
    with PatientContext(
        "pva", conf={name: net.environment[name] for name in names}, useenv=False
    ) as made:
        yield made

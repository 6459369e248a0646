"""Puts of visitors: checked by the spec of the parameter, then put to the IOC."""

from __future__ import annotations

import asyncio
from typing import Any

from ioc.model.pvs import PvRow
from ioc.model.wire_type import WireKind, wire_type
from reduction.parameters.specs import Refused
from web.limits import WebLimits
from web.values.names import WebPv
from web.values.pva_client import PutRefused, PvaClient
from web.values.shared_pvs import SharedPv, SharedPvs

CONNECT_S = 3.0
"""Longest wait for the connection to a process variable that is put to, in seconds."""

LOOK_S = 0.05


def field_and_value(row: PvRow, given: float | int | str | bool) -> tuple[str, Any]:
    """The field to put to and its value; raises `PutRefused` in the words that the IOC has.

    The spec checks type and limits, as it does in the IOC; the IOC checks what depends on other
    settings.
    """
    wire = wire_type(row.spec)
    try:
        value = row.spec.checked(_state(row, given) if wire.labels else given)
    except Refused as refused:
        raise PutRefused(str(refused)) from None
    served = wire.served(value)
    return ("value.index", wire.labels.index(served)) if wire.labels else ("value", served)


def _state(row: PvRow, given: float | int | str | bool) -> Any:
    """The state of an enum that is given by its label or its index, as its spec takes it."""
    wire = wire_type(row.spec)
    index: Any = wire.labels.index(given) if given in wire.labels else given
    if isinstance(index, str) and index.isdecimal():
        index = int(index)
    if wire.kind is not WireKind.CHOICE or isinstance(index, str):
        return index
    if index in range(len(wire.labels)):
        return wire.labels[int(index)]
    known = ", ".join(f"{state} ({number})" for number, state in enumerate(wire.labels))
    raise Refused(row.spec.pv, given, f"it is one of {known}")


class WebPuts:
    """Puts values of visitors to the IOC."""

    def __init__(self, client: PvaClient, shared: SharedPvs, limits: WebLimits) -> None:
        self._client, self._shared, self._limits = client, shared, limits

    async def put(self, pv: WebPv, given: float | int | str | bool) -> None:
        """Put a value, and return when it has taken effect; raises `PutRefused`.

        Nothing is put to an IOC that does not answer: a put must not take effect later, when nobody
        waits for it any more.
        """
        if pv.write_refusal or pv.row is None:
            raise PutRefused(pv.write_refusal)
        field, value = field_and_value(pv.row, given)

        def ignore(_: SharedPv) -> None:
            """Keeps the process variable open while the put waits."""

        shared = self._shared.acquire(pv, ignore)
        try:
            await self._connected(shared)
            async with asyncio.timeout(self._limits.put_s):
                await self._client.put(pv.name, field, value)
        except TimeoutError:
            why = f"{pv.name}: no answer from the IOC in {self._limits.put_s:g} s"
            raise PutRefused(why) from None
        finally:
            self._shared.release(shared, ignore)

    async def _connected(self, shared: SharedPv) -> None:
        """Wait until a process variable is connected; raises `PutRefused` if it takes too long."""
        deadline_s = asyncio.get_running_loop().time() + CONNECT_S
        while not shared.connected:
            if asyncio.get_running_loop().time() > deadline_s:
                raise PutRefused(f"{shared.pv.name}: the IOC does not answer; nothing was put")
            await asyncio.sleep(LOOK_S)

"""Each put has one handler, chosen in one place."""

from __future__ import annotations

from typing import Any

import pytest

from ioc.model.pvs import PvRow, pv_rows
from ioc.puts.handlers import PutHandlers
from ioc.security.rules import Client

ROWS = {row.name: row for row in pv_rows("", reductions=2)}


class NamedHandler:
    """A handler that a test knows by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def put(self, _row: PvRow, _value: Any, _client: Client) -> Any:
        return self.name


HANDLERS = PutHandlers(
    orders=NamedHandler("orders"),
    settings=NamedHandler("settings"),
    lock=NamedHandler("lock"),
    files=NamedHandler("files"),
    process=NamedHandler("process"),
    outliers=NamedHandler("outliers"),
    picked=NamedHandler("picked"),
)


@pytest.mark.parametrize(
    ("pv", "name"),
    [
        ("Acquire", "orders"),
        ("Pause", "orders"),
        ("Red2:BinMin", "orders"),
        ("Sim:Pressure", "orders"),
        ("LagLimit", "settings"),
        ("File:Name", "settings"),
        ("Lock:Expiry", "settings"),
        ("Lock:Owner", "lock"),
        ("Lock:Break", "lock"),
        ("File:Write", "files"),
        ("SYSRESET", "process"),
        ("Red2:Outliers:Mask", "outliers"),
        ("Red2:Outliers:Sigmas", "orders"),
        ("Red2:Image:ROI:Group", "picked"),
        ("Red2:Image:ROI:SizeX", "orders"),
    ],
)
async def test_a_put_goes_to_the_handler_of_what_it_sets(pv: str, name: str) -> None:
    client = Client("192.0.2.1", "anna")
    assert await HANDLERS.of(ROWS[pv]).put(ROWS[pv], 1, client) == name

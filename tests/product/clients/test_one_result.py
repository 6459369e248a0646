"""The code that the docs show for reading all arrays of one result, run as it is written there."""

from __future__ import annotations

import asyncio
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest
from caproto import ChannelType

from tests.support.clients.ca_client import Network
from tests.support.ioc.ioc_bench import Ioc

DOCS = Path(__file__).parents[3] / "docs/how-to/one-result.md"

AGAIN = """
for _ in range(60):
    x, yc, xe = together("Red1:Spec:X", "Red1:Spec:YC", "Red1:Spec:XE")
    assert len(x) == len(yc) == len(xe) - 1, (len(x), len(yc), len(xe))
    print(len(yc))
"""

CHECK = "\nassert len(x) == len(yc) == len(xe) - 1 == 3\nassert settings['LIVE:Red1:BinParams']"


def program(client: str, prefix: str, then: str) -> list[str]:
    """The lines in the docs that use ``client``."""
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    (lines,) = (block for block in blocks if f"from {client}" in block)
    return [sys.executable, "-c", (lines + then).replace("LIVE:", prefix)]


async def rebinned_for_ever(ioc: Ioc) -> None:
    """As fast as the fake ranks obey."""
    channel = ioc.server.database.channels[ioc.prefix + "Red1:BinParams"]
    for last in itertools.cycle(range(2, 52)):
        data = [f"1,1,{last}".encode()]
        await channel.auth_write("host", "user", data, ChannelType.STRING, None)


def test_on_channel_access_what_is_read_between_equal_marks_is_of_one_result(net: Network) -> None:
    with Ioc(net) as ioc:
        changes = asyncio.run_coroutine_threadsafe(rebinned_for_ever(ioc), ioc.loop)
        command = program("epics", ioc.prefix, AGAIN)
        done = subprocess.run(command, env=net.environment, capture_output=True, text=True)
        assert changes.cancel()
        assert done.returncode == 0, done.stderr
        assert len(set(done.stdout.split())) > 10


def test_on_pvaccess_a_snapshot_is_of_one_result(net: Network) -> None:
    pytest.importorskip("p4p", reason="pvAccess is served with p4p")
    with Ioc(net, pva=True) as ioc:
        assert ioc.put("Red1:BinParams", "1,1,4", "-S").returncode == 0
        command = program("p4p", ioc.prefix, CHECK)
        done = subprocess.run(command, env=net.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

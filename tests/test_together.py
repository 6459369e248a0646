"""What the docs say of reading a result in one piece, as it is written there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from ca_client import network
from ioc_bench import Ioc

DOCS = Path(__file__).parents[1] / "docs/together.md"

AGAIN = """
for _ in range(40):
    x, yc, xe = together("Red1:Spec:X", "Red1:Spec:YC", "Red1:Spec:XE")
    assert len(x) == len(yc) == len(xe) - 1, (len(x), len(yc), len(xe))
    print(len(yc), flush=True)
"""

CHECK = "\nassert len(x) == len(yc) == len(xe) - 1 == 3\nassert settings['LIVE:Red1:BinParams']"


def program(client: str, prefix: str, then: str) -> list[str]:
    """The lines in the docs that use ``client``."""
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    (lines,) = (block for block in blocks if f"from {client}" in block)
    return [sys.executable, "-c", (lines + then).replace("LIVE:", prefix)]


def test_on_channel_access_what_is_read_between_equal_marks_is_of_one_result() -> None:
    with network() as net, Ioc(net) as ioc:
        reader = subprocess.Popen(
            program("epics", ioc.prefix, AGAIN),
            env=net.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert reader.stdout is not None
        reader.stdout.readline()
        bins = 3
        while reader.poll() is None:
            bins = bins % 50 + 1
            assert ioc.put("Red1:BinParams", f"1,1,{bins + 1}", "-S").returncode == 0
        said, _ = reader.communicate()
        assert reader.returncode == 0
        assert len(set(said.split())) > 3


def test_on_pvaccess_a_snapshot_is_of_one_result() -> None:
    pytest.importorskip("p4p", reason="pvAccess is served with p4p")
    with network() as net, Ioc(net, pva=True) as ioc:
        assert ioc.put("Red1:BinParams", "1,1,4", "-S").returncode == 0
        command = program("p4p", ioc.prefix, CHECK)
        done = subprocess.run(command, env=net.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

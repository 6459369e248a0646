"""What a process imports: no packages that it does not use, since each costs time at its start."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SERVERS = {"aiohttp", "caproto", "p4p"}
COMPILERS = {"llvmlite", "numba"}
FILES = {"gemmi", "h5py", "periodictable"}
UNUSED_BY_NUMBA = {"coverage", "scipy", "yaml"}


@pytest.mark.parametrize(
    ("imports", "heavy"),
    [
        ("import ioc.app.cli", SERVERS | COMPILERS | FILES | UNUSED_BY_NUMBA | {"asyncio", "zmq"}),
        ("import web.command", COMPILERS | FILES | UNUSED_BY_NUMBA | {"caproto"}),
        (
            "import reduction.ranks.process",
            SERVERS | FILES | UNUSED_BY_NUMBA | {"asyncio", "simulator"},
        ),
        ("import simulator.stream", SERVERS | UNUSED_BY_NUMBA | {"asyncio", "h5py"}),
        ("import ioc.app.run", SERVERS | COMPILERS | FILES | UNUSED_BY_NUMBA | {"zmq"}),
        ("import ioc.app.run_server", COMPILERS | UNUSED_BY_NUMBA | {"aiohttp"}),
    ],
)
def test_no_process_imports_what_it_does_not_use(imports: str, heavy: set[str]) -> None:
    first = "from reduction.host.kernel_loading import import_numba; import_numba()\n"
    needs_numba = "numba" not in heavy
    unmeasured = {name: text for name, text in os.environ.items() if "COVERAGE" not in name}
    printed = subprocess.run(
        [
            *(sys.executable, "-c"),
            f"{first if needs_numba else ''}{imports}\nimport sys; print(*sys.modules)",
        ],
        env=unmeasured,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    assert not heavy & set(printed.split())

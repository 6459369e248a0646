"""A process that leaves the network: it has loopback for itself, and is who it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ioc.app.processes.leave_network import leave_network

INTERFACES = "print(*sorted(n for _, n in __import__('socket').if_nameindex()))"
IDENTITY = "import os; print(os.geteuid(), os.getegid())"


def offline(*lines: str) -> str:
    """What Python prints after it has left the network."""
    program = "\n".join(
        ("from ioc.app.processes.leave_network import leave_network; leave_network()", *lines)
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    if done.returncode and "OSError" in done.stderr:
        pytest.skip(f"no network namespace can be made here: {done.stderr.splitlines()[-1]}")
    return done.stdout.strip()


def test_nothing_but_loopback_is_left_and_it_works() -> None:
    assert offline(INTERFACES) == "lo"
    echo = """
import socket
a = socket.create_server(("127.0.0.1", 0))
b = socket.create_connection(a.getsockname(), timeout=5)
print(a.accept()[1] == b.getsockname())
"""
    assert offline(echo) == "True"


def test_the_process_is_still_of_its_user_and_sees_its_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("as before", encoding="ascii")
    read = f"print(open({str(tmp_path / 'file')!r}).read())"
    assert offline(read, IDENTITY).splitlines() == [
        "as before",
        f"{os.geteuid()} {os.getegid()}",
    ]


def test_a_system_that_does_not_allow_it_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_flags: int) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("ioc.app.processes.leave_network._unshare", refused)
    with pytest.raises(OSError, match="not permitted"):
        leave_network()

"""Ctrl-C while a command imports its modules."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

INTERRUPTED = """
import os, runpy, signal, sys
from importlib.abc import MetaPathFinder

name, program, *sys.argv[1:] = sys.argv[1:]
signal.signal(signal.SIGINT, {handler})

class Interrupting(MetaPathFinder):
    def find_spec(self, fullname, path, target=None):
        if fullname == name:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
runpy.run_module(program, run_name="__main__", alter_sys=True)
"""


def interrupted(
    module: str, *command: str, handler: str = "signal.default_int_handler"
) -> subprocess.CompletedProcess[str]:
    """What becomes of a command that is interrupted when it imports a module."""
    program = INTERRUPTED.format(handler=handler)
    return subprocess.run(
        [sys.executable, "-c", program, module, *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("ioc.app.commands", ("ioc", "pvs")),
        ("ioc.options.flags", ("ioc", "run")),
        ("asyncio", ("ioc", "run")),
        ("ioc.app.run", ("ioc", "run")),
        ("ioc.app.run_server", ("ioc", "ioc")),
        ("numba", ("ioc", "ranks")),
        ("simulator.stream", ("ioc", "simulate")),
        ("ioc.top.readout", ("ioc", "top")),
        ("ioc.process.start", ("ioc", "web")),
        ("ioc.options.commands", ("web", "web")),
        ("web.serve", ("web", "web", "--web-port", "0")),
        ("ioc.app.recording_commands", ("ioc", "record", "nowhere")),
        ("reduction.recordings.replay", ("ioc", "replay", "nowhere")),
        ("ioc.generated.exports", ("ioc", "pvs")),
        ("ioc.generated.screens", ("ioc", "screens")),
        ("reduction.files.nexus_reader", ("ioc", "plot", "nowhere.nxs")),
        ("reduction.definitions.sources", ("ioc", "instrument", "show", "nowhere")),
    ],
)
def test_a_command_that_is_interrupted_while_it_is_loaded_ends_by_the_signal_and_says_nothing(
    module: str, command: tuple[str, ...]
) -> None:
    done = interrupted(module, *command)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_a_command_in_the_background_of_a_shell_goes_on_at_interrupts() -> None:
    done = interrupted("ioc.generated.exports", "ioc", "pvs", handler="signal.SIG_IGN")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout

"""A run that is started as systemd does: by its path, with no environment, anywhere."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.clients.ca_client import Client, network
from tests.support.product.live import START_S

KEPT = ("EPICS_", "PYTHONPATH", "COVERAGE", "NUMBA_")
"""Variables that the test itself needs."""

START = "import sys; from ioc.app.cli import main; main(sys.argv[1:])"


def test_a_run_needs_no_environment_no_home_and_no_working_folder(tmp_path: Path) -> None:
    with network() as net:
        folder = tmp_path / "goes away"
        folder.mkdir()
        running = Client(net, f"T{secrets.token_hex(4)}:")
        state = f"--run-state={tmp_path / 'run-state.json'}", f"--log-folder={tmp_path / 'log'}"
        process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-c", START, "run", "--prefix", running.prefix),
                *("--port", str(net.port), "--silence=6", *state),
            ],
            env={name: value for name, value in net.environment.items() if name.startswith(KEPT)},
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        try:
            shutil.rmtree(folder)
            running.until(
                lambda: running.tool("caget", running.prefix + "Pause").returncode == 0, START_S
            )
            running.until(lambda: running.number("Red1:Spec:Total_RBV") > 0, START_S)
            process.terminate()
            assert process.wait(15) == 0
        finally:
            process.kill()
            process.wait()

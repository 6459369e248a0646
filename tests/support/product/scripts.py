"""Scripts in a process of their own, as a beamline runs them: with clients that use libca."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

from tests.support.clients.ca_client import Client

ROOT = Path(__file__).parents[3]
INSTALLED_NICOS = Path(sysconfig.get_path("purelib"), "opt", "nicos")
NICOS_TREES = [Path(each) for each in filter(None, os.environ.get("NICOS_TREES", "").split(":"))]
"""Checkouts of further versions of NICOS to test with, of which pip has only one."""
LONGEST_S = 100


def needs(package: str, extra: str) -> pytest.MarkDecorator:
    """Skips where a client is not installed."""
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None,
        reason=f"{package} is not installed: pip install 'epics-live-reduction[{extra}]'",
    )


NO_NICOS = (
    "NICOS is not installed: pip install numpy setuptools wheel toml,"
    " then pip install --no-build-isolation nicos"
)

nicos_versions = pytest.mark.parametrize(
    "nicos",
    [
        pytest.param(
            INSTALLED_NICOS,
            id="installed",
            marks=pytest.mark.skipif(not INSTALLED_NICOS.is_dir(), reason=NO_NICOS),
        ),
        *(pytest.param(each, id=each.name) for each in NICOS_TREES),
    ],
)
"""Runs a test with each version of NICOS that there is."""


def run(running: Client, *words: str, **environment: str) -> str:
    """What a Python with these words on its command line prints; it must succeed."""
    done = subprocess.run(
        [sys.executable, *words],
        env=running.network.environment | environment,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_code(running: Client, code: str) -> str:
    """What a script prints, with the prefix in place of ``LIVE:``; it must succeed."""
    return run(running, "-c", textwrap.dedent(code).replace("LIVE:", running.prefix))


CONFIGURATION = """
description = "what NICOS needs to count, and nothing that writes files"
modules = ["nicos.commands.standard"]
sysconfig = dict(experiment="Exp", datasinks=["table"])
devices = dict(
    Exp=device("nicos.devices.experiment.Experiment", dataroot={data!r}, sample="Sample"),
    Sample=device("nicos.devices.sample.Sample"),
    table=device("nicos.devices.datasinks.ConsoleScanSink"),
)
"""

SESSION = """
from nicos import config

config.apply()
config.logging_path = config.pid_path = {data!r}

from nicos.core.sessions.simple import ScriptSession

ScriptSession.run(["system"], {code!r})
"""


def run_nicos(running: Client, nicos: Path, folder: Path, code: str) -> str:
    """What a script prints in the NICOS of a path, which has our setup with our prefix."""
    setups = folder / "nicos_site" / "beamline" / "setups"
    setups.mkdir(parents=True)
    for package in (setups.parent, setups.parents[1]):
        (package / "__init__.py").touch()
    (setups / "system.py").write_text(CONFIGURATION.format(data=str(folder)))
    ours = ROOT / "clients" / "nicos_setups" / "live_reduction.py"
    (setups / ours.name).write_text(ours.read_text().replace("LIVE:", running.prefix))
    path = os.pathsep.join(map(str, (nicos, folder, ROOT)))
    script = SESSION.format(data=str(folder), code=textwrap.dedent(code))
    return run(running, "-c", script, PYTHONPATH=path, INSTRUMENT="nicos_site.beamline")

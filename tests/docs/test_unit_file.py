"""The unit file for systemd that the documentation shows."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ioc.options.command_line import parse
from tests.support.documents.pages import ROOT

UNIT = ROOT / "docs" / "live-reduction.service"
PROGRAM = "/opt/live-reduction/bin/live-reduction"


def test_the_unit_starts_a_command_with_its_options_in_a_file(tmp_path: Path) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.read(UNIT, encoding="utf-8")
    program, *words = shlex.split(unit["Service"]["ExecStart"])
    config = tmp_path / "options.toml"
    config.write_text('prefix = "BL7:"\n', encoding="utf-8")
    words[words.index("/etc/live-reduction.toml")] = str(config)
    options = parse(words)
    assert (program, options.command) == (PROGRAM, "run")
    assert unit["Service"]["RestartPreventExitStatus"] == "2"


def test_systemd_has_nothing_to_say_about_the_unit(tmp_path: Path) -> None:
    if (analyze := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd-analyze is not installed")
    here = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace(PROGRAM, sys.executable)
    here.write_text(text, encoding="utf-8")
    command = [analyze, "verify", "--man=no", str(here)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    about = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert about == [], done.stderr

"""Children of a run import this program, and nothing from the folder that they start in."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import ioc
from ioc.process.python_command import PYTHON, keep_to_a_folder, python_environment

SHOW = "import ioc; print(ioc.__file__)"


def found(folder: Path) -> str:
    """Where a child that starts in a folder finds this program."""
    environment = python_environment(os.environ)
    command = [*PYTHON, "-c", SHOW]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_modules_in_the_working_folder_are_not_imported(tmp_path: Path) -> None:
    (tmp_path / "ioc").mkdir()
    (tmp_path / "ioc" / "__init__.py").write_text("raise SystemExit(3)", encoding="ascii")
    (tmp_path / "signal.py").write_text("raise SystemExit(4)", encoding="ascii")
    assert found(tmp_path) == ioc.__file__


def test_a_folder_that_is_gone_does_not_matter(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    before = Path.cwd()
    os.chdir(gone)
    try:
        shutil.rmtree(gone)
        environment = python_environment(os.environ)
        command = [*PYTHON, "-c", SHOW]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.stdout.strip() == ioc.__file__
        assert keep_to_a_folder()
        assert Path.cwd() == Path("/")
        assert not keep_to_a_folder()
    finally:
        os.chdir(before)


def test_what_the_environment_names_comes_after_this_program() -> None:
    made = python_environment({"PYTHONPATH": "/somewhere"})["PYTHONPATH"]
    assert made.endswith("/somewhere")
    assert python_environment({})["PYTHONPATH"] == str(Path(ioc.__file__).parents[1])

"""Which mpiexec starts the ranks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ioc.options.host_checks import mpi_launcher
from ioc.options.program import StartError


def program(folder: Path) -> Path:
    """An executable file called mpiexec in a new folder."""
    folder.mkdir()
    path = folder / "mpiexec"
    path.touch(0o755)
    return path


def test_the_launcher_of_this_environment_goes_before_the_one_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = program(tmp_path / "environment"), program(tmp_path / "elsewhere")
    monkeypatch.setenv("PATH", str(elsewhere.parent))
    monkeypatch.setattr(sys, "executable", str(here.with_name("python")))
    assert mpi_launcher() == str(here)
    here.unlink()
    assert mpi_launcher() == str(elsewhere)


def test_without_a_launcher_the_start_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(StartError, match=r"run needs mpiexec: pip install .*\[mpi\]"):
        mpi_launcher()


def test_a_rank_whose_launcher_died_as_it_started_does_not_go_on_alone(tmp_path: Path) -> None:
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    flags = (f"--control=ipc://{tmp_path}/nobody", f"--log-folder={tmp_path}")
    done = subprocess.run(
        [sys.executable, "-m", "ioc", "ranks", *flags],
        env=os.environ | {"OMPI_COMM_WORLD_SIZE": "2"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "2 ranks were started, but this one finds 1" in done.stderr

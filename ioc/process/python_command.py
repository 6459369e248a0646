"""How children of this process run Python: with the same code, whatever folder they start in."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import ioc

PYTHON = (sys.executable, "-P")
"""``-P``: modules in the working folder are not imported, see the documentation of Python."""

ANYWHERE = Path("/")

INSTALLED = {"site-packages", "dist-packages"}


def keep_to_a_folder() -> bool:
    """Work in the root folder if the working folder is gone; whether it was gone.

    Much that is not ours fails without a working folder: mpiexec, and the import of p4p.
    """
    try:
        Path.cwd()
    except FileNotFoundError:
        os.chdir(ANYWHERE)
        return True
    return False


def python_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child, in which it finds this program where this process has it."""
    root = Path(ioc.__file__).resolve().parents[1]
    if root.name in INSTALLED:
        return dict(environment)
    given = environment.get("PYTHONPATH", "")
    return {**environment, "PYTHONPATH": os.pathsep.join(filter(None, (str(root), given)))}

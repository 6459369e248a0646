"""p4p is imported without setuptools, and works; setuptools can be imported afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("p4p", reason="p4p is not installed")

SCRIPT = """
import sys
from ioc.pva.p4p_loading import import_p4p
for _ in range(2):
    import_p4p()
assert "p4p" in sys.modules
assert not {"setuptools", "setuptools_dso"} & set(sys.modules)
from p4p.nt import NTScalar
from p4p.server import Server
from p4p.server.raw import SharedPV
served = SharedPV(nt=NTScalar("d"), initial=1.0)
with Server(providers=[{"P:A": served}], isolate=True):
    assert served.current() == 1.0
import epicscorelibs.path
import setuptools_dso
assert setuptools_dso.DSO
"""


def test_p4p_is_imported_without_setuptools_which_can_be_imported_afterwards() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)


def test_p4p_that_was_imported_already_is_left_alone() -> None:
    script = "import p4p, sys; found = dict(sys.modules)\n"
    script += "from ioc.pva.p4p_loading import import_p4p; import_p4p()\n"
    script += "assert all(sys.modules[name] is each for name, each in found.items())"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)

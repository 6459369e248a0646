"""Kernels are loaded from numba's cache quickly, and are the same kernels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MODULE = """
import numba
import numpy as np

@numba.njit(cache=True)
def doubled(values):
    return 2 * values

@numba.njit(cache=True)
def summed(values):
    return doubled(values).sum()
"""

USE = """
import sys
from reduction.host.kernel_loading import import_numba

import_numba()
import kernels
import numpy as np

print(kernels.doubled(np.arange(4)), sum(kernels.doubled.stats.cache_hits.values()))
print([name for name in ("coverage", "scipy", "yaml") if name in sys.modules])
print(kernels.summed(np.arange(4)), sum(kernels.summed.stats.cache_hits.values()))
"""


def test_kernels_are_loaded_without_what_only_compiling_needs_and_compiled_if_need_be(
    tmp_path: Path,
) -> None:
    """This relies on numba: its caches load without ``refresh``, and its compiler does that."""
    kernels = tmp_path / "kernels.py"
    kernels.write_text(MODULE, encoding="utf-8")
    assert _lines(tmp_path) == ["[0 2 4 6] 0", "[]", "12 0"]
    assert _lines(tmp_path) == ["[0 2 4 6] 1", "[]", "12 1"]
    kernels.write_text(MODULE + "\n", encoding="utf-8")
    assert _lines(tmp_path) == ["[0 2 4 6] 0", "[]", "12 0"], "compiled again for another file"


def test_a_kernel_is_compiled_that_calls_one_from_the_cache(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text(MODULE, encoding="utf-8")
    _printed(tmp_path, "import kernels; import numpy as np; kernels.doubled(np.arange(4))")
    assert _lines(tmp_path) == ["[0 2 4 6] 1", "[]", "12 0"]


def _lines(folder: Path) -> list[str]:
    return _printed(folder, USE).splitlines()


def _printed(folder: Path, program: str) -> str:
    """What a program prints that finds the kernels in ``folder``."""
    root = str(Path(__file__).parents[3])
    kept = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=kept | {"PYTHONPATH": os.pathsep.join((root, str(folder)))},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout

"""The command ``ranks``, but the first rank loses an event and the second has one twice."""

from __future__ import annotations

import sys
from typing import Any

from ioc.app.cli import main
from reduction.engines.native.engine import NativeEngine
from reduction.ranks import process


class MiscountingEngine(NativeEngine):
    """Counts in its first bin one event less, or on the last of two ranks one more."""

    def cells(self, reduction: int) -> Any:
        from mpi4py import MPI

        cells = super().cells(reduction).copy()
        cells[1] += 2 * MPI.COMM_WORLD.rank - 1
        return cells


if __name__ == "__main__":
    process.ENGINES["native"] = lambda: MiscountingEngine
    main(["ranks", *sys.argv[1:]])

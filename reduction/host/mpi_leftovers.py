"""What Open MPI leaves behind where nobody else removes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path

from reduction.host.file_system.runtime_folder import own_folder

LAUNCHERS = ("OMPI_COMM_WORLD_", "PMIX_", "PMI_", "SLURM_STEP")
"""How variables begin that those set who start the ranks of MPI."""

SEGMENT = re.compile(r"\s(/\S*/sm_segment\.\S+)$", re.MULTILINE)
"""The path of a file by which ranks of a host share memory, in a list of what is mapped."""


@contextmanager
def single_rank_folder(environment: MutableMapping[str, str]) -> Iterator[None]:
    """A context for a rank that may have been started alone, without a launcher.

    Then what Open MPI keeps in files goes to a folder that is removed at the end, and no memory is
    shared. Open MPI 5 removes neither.
    """
    if any(name.startswith(LAUNCHERS) for name in environment):
        yield
        return
    with own_folder() as folder:
        environment.setdefault("OMPI_MCA_btl", "self")
        environment["TMPDIR"] = str(folder)
        yield


def remove_segments() -> None:
    """Remove the files by which this process shares memory with other ranks; it must end now."""
    with suppress(OSError):
        mapped = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
        for path in set(SEGMENT.findall(mapped)):
            with suppress(OSError):
                Path(path).unlink()

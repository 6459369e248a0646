"""What the figures were measured on, with nothing that tells whose machine it is."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from pathlib import Path

import numpy as np
import psutil

PACKAGES = ("numpy", "numba", "scipp", "caproto", "softioc", "mpi4py")


def machine() -> str:
    """One line: cores, processor, memory, versions, date.

    The vector instructions that numpy found decide how fast numpy is: it sorts with them.
    """
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    vectors = np.show_config(mode="dicts")["SIMD Extensions"].get("found", ["none"])
    return (
        f"{psutil.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {platform.system()}; "
        f"Python {platform.python_version()}, {versions}; numpy with {', '.join(vectors)}; "
        f"{datetime.date.today():%Y-%m-%d}"
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()

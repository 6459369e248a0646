"""Spectra as text for refinement: centre, intensity per unit of the axis, standard error.

GSAS-II and FullProf (instrument 10) read these columns and skip lines that begin with ``#``. The
header suits GSAS-II's reader (GSASII/imports/G2pwd_xye.py) in two ways. Until 2025 that reader
took x for Q if a comment had a small ``q``, so no comment has one. It reads the sample temperature
from ``# …Temp… = 300``. Points without a finite intensity are left out, since neither program knows
``nan``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reduction.files.saved_result import CountsAndVariances, SavedResult, iso_time
from reduction.host import atomic_files


def write_xye(result: SavedResult, path: Path) -> list[Path]:
    """Write the sum over slices and groups to ``path``, each slice to ``…_slice1.xye`` and so on.

    Returns the paths. Raises OSError with path and reason; then no file has changed.
    """
    return atomic_files.replace(files(result, path))


def files(result: SavedResult, path: Path) -> Iterator[tuple[Path, bytes]]:
    """Path and content of each file, that of the sum first."""
    centres = result.centres
    yield path, text(result, result.summed, centres)
    slices = result.by_slice
    for index in range(len(result.slice_bounds)):
        one = CountsAndVariances(slices.counts[index], slices.variances[index])
        yield slice_path(path, index + 1), text(result, one, centres, index)


def slice_path(path: Path, number: int) -> Path:
    """The path of a slice, by its number from 1; ``path`` is that of the sum."""
    return path.with_name(f"{path.stem}_slice{number}{path.suffix}")


def text(
    result: SavedResult,
    spectrum: CountsAndVariances,
    centres: NDArray[np.float64],
    index: int | None = None,
) -> bytes:
    """Header and columns of a spectrum, (n,) each; ``index`` is its slice, None for the sum."""
    intensity, error = result.per_unit(spectrum)
    good = np.isfinite(intensity) & np.isfinite(error)
    lines = [_comment(line) for line in header(result, index)]
    if not good.all():
        lines.append(f"# {np.count_nonzero(~good)} points without a finite intensity: left out\n")
    columns = np.stack((centres[good], intensity[good], error[good]), axis=1)
    # One format for all numbers: many times faster than numpy.savetxt's line by line.
    body = "%.10g %.8g %.6g\n" * len(columns) % tuple(columns.ravel().tolist())
    return ("".join(lines) + body).encode("ascii")


def header(result: SavedResult, index: int | None) -> Iterator[str]:
    """The lines of the header, without the sign of a comment."""
    quantity, unit = result.axis.quantity, result.units.symbol
    yield f"title: {result.title}"
    yield f"columns: centre of bin in {quantity} ({unit}), counts per {unit}, standard error"
    if index is not None:
        low, high = result.slice_bounds[index]
        number = f"{index + 1} of {len(result.slice_bounds)}"
        yield f"slice: {number}, {result.slice_log} in [{low:.10g}, {high:.10g})"
    elif result.slice_bounds:
        yield f"slices: sum of {len(result.slice_bounds)} of {result.slice_log}"
    yield f"groups: {', '.join(result.group_names)}"
    yield f"pulses: {result.first_pulse} to {result.last_pulse}"
    yield f"time: {iso_time(result.start_time_ns)} to {iso_time(result.end_time_ns)}"
    yield f"proton charge (uC) = {float(result.proton_charge_uc)}"
    yield f"monitor counts = {float(result.monitor_counts)}"
    yield f"events: {', '.join(f'{name} {count}' for name, count in result.accounting.items())}"
    yield f"program: {result.program}"
    yield from (f"{name} = {value}" for name, value in result.parameters.items())


def _comment(line: str) -> str:
    """``line`` as a comment in ASCII without a small q."""
    plain = " ".join(line.split()).encode("ascii", "backslashreplace").decode("ascii")
    return f"# {plain.replace('q', 'Q')}\n"

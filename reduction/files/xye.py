"""Spectra as text for refinement: centre of the bin, intensity, standard error.

What the readers do with these files is known from their sources:

- GSAS-II (GSASII/imports/G2pwd_xye.py) skips lines that begin with ``#``. Until 2025 it took x for
  Q if a comment had a small ``q``, so no comment has one. It takes the number behind the first
  ``=`` of a comment for the temperature of the sample, in K, if there is "temp" before it, in upper
  or lower case. So one comment alone has a ``=``: that of the temperature of a slice, if it is
  known in K. It reads no pressure.
- FullProf (instrument 10; READ_PATTERN_XYSIGMA of its library CrysFML) skips such lines too, once
  the first of them has become the title, but takes words behind ``TITLE``, ``Legend_X``,
  ``Legend_Y`` and ``Scattering variable:`` for its own. It reads temperatures behind XYDATA alone,
  a header that these files do not have. It takes an error whose square is below 1.2e-7 for 1, so
  smaller intensities are multiplied by a power of ten, which the header tells.

Points without a finite intensity are left out, since neither program knows ``nan``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reduction.files.saved_parts import ValuesAndErrors
from reduction.files.saved_result import SavedResult, iso_time
from reduction.host.file_system import atomic_files

LEAST_VARIANCE = 1.2e-7
"""Least square of an error: FullProf takes a smaller one for 1."""

WORDS_OF_FULLPROF = ("TITLE", "Legend_X", "Legend_Y", "Scattering variable:")

ZERO_CELSIUS_K = 273.15

OFFSETS_K = {"k": 0.0, "kelvin": 0.0} | dict.fromkeys(
    ("c", "degc", "deg c", "deg_c", "celsius", "\N{DEGREE SIGN}c"), ZERO_CELSIUS_K
)
"""What to add to a temperature to have it in K, by its unit in lower case."""


def write_xye(result: SavedResult, path: Path) -> list[Path]:
    """Write the sum over slices and groups to ``path``, and each slice and each closed series.

    Slices are in ``…_slice1.xye`` and so on, series in ``…_series1.xye``. Returns the paths. Raises
    OSError with path and reason; then no file has changed.
    """
    return atomic_files.replace(files(result, path))


def files(result: SavedResult, path: Path) -> Iterator[tuple[Path, bytes]]:
    """Path and content of each file, that of the sum first."""
    centres, shown = result.centres, result.shown
    scale = _scale(shown.summed.errors)
    common = list(_common_header(result))
    if scale != 1:
        common.insert(1, f"columns 2 and 3 are multiplied by {scale:g}, for programs that need it")
    yield path, _text([*_sum_header(result), *common], centres, _times(shown.summed, scale))
    by_slice, of_series = _times(shown.by_slice, scale), _times(shown.of_series, scale)
    for index, spectrum in enumerate(_each(by_slice, len(result.slice_bounds))):
        lines = [*_slice_header(result, index), *common]
        temperature_k = slice_temperature_k(result, index)
        yield slice_path(path, index + 1), _text(lines, centres, spectrum, temperature_k)
    for index, spectrum in enumerate(_each(of_series, len(result.series))):
        lines = [*_series_header(result, index), *common]
        yield series_path(path, index + 1), _text(lines, centres, spectrum)


def _scale(errors: NDArray[np.float64]) -> float:
    """What to multiply intensities by, so that no error (n,) above 0 is too small for FullProf."""
    usable = errors[np.isfinite(errors) & (errors > 0)]
    if not usable.size or usable.min() ** 2 >= LEAST_VARIANCE:
        return 1.0
    wanted = math.sqrt(LEAST_VARIANCE) / float(usable.min())
    return 10.0 ** math.ceil(math.log10(wanted))


def _times(spectra: ValuesAndErrors, scale: float) -> ValuesAndErrors:
    return ValuesAndErrors(spectra.values * scale, spectra.errors * scale)


def _each(spectra: ValuesAndErrors, count: int) -> Iterator[ValuesAndErrors]:
    """The first ``count`` of spectra, (spectra, n)."""
    for index in range(count):
        yield ValuesAndErrors(spectra.values[index], spectra.errors[index])


def slice_path(path: Path, number: int) -> Path:
    """The path of a slice, by its number from 1; ``path`` is that of the sum."""
    return path.with_name(f"{path.stem}_slice{number}{path.suffix}")


def series_path(path: Path, number: int) -> Path:
    """The path of a closed series, by its number from 1; ``path`` is that of the sum."""
    return path.with_name(f"{path.stem}_series{number}{path.suffix}")


def slice_temperature_k(result: SavedResult, index: int) -> float | None:
    """The temperature in the middle of a slice, in K, if its log is one of known unit."""
    offset_k = OFFSETS_K.get(result.slice_log_units.strip().lower())
    low, high = result.slice_bounds[index]
    unit_is_enough = result.slice_log_units.strip().lower() in ("k", "kelvin")
    if (
        offset_k is None
        or result.outside
        or not (unit_is_enough or "temp" in result.slice_log.lower())
    ):
        return None
    middle_k = (low + high) / 2 + offset_k
    return middle_k if np.isfinite(middle_k) and middle_k > 0 else None


def _text(
    lines: Sequence[str],
    centres: NDArray[np.float64],
    spectrum: ValuesAndErrors,
    temperature_k: float | None = None,
) -> bytes:
    """Header and columns of a spectrum, (n,) each."""
    good = np.isfinite(spectrum.values) & np.isfinite(spectrum.errors)
    header = [_comment(line) for line in lines]
    if temperature_k is not None:
        header.insert(1, f"# Temperature (K) = {temperature_k:.10g}\n")
    if not good.all():
        header.append(f"# {np.count_nonzero(~good)} points without a finite intensity: left out\n")
    columns = np.stack((centres[good], spectrum.values[good], spectrum.errors[good]), axis=1)
    # One format for all numbers: many times faster than numpy.savetxt's line by line.
    body = "%.10g %.8g %.6g\n" * len(columns) % tuple(columns.ravel().tolist())
    return ("".join(header) + body).encode("ascii")


def _sum_header(result: SavedResult) -> Iterator[str]:
    """What the file of the sum begins with."""
    yield f"title: {result.title}"
    if result.slice_bounds:
        yield f"slices: sum of {len(result.slice_bounds)} of {result.slice_log}"


def _slice_header(result: SavedResult, index: int) -> Iterator[str]:
    """What the file of a slice begins with."""
    low, high = result.slice_bounds[index]
    number = f"{index + 1} of {len(result.slice_bounds)}"
    place = "outside" if result.outside else "in"
    unit = f" {result.slice_log_units}" if result.slice_log_units else ""
    yield f"title: {result.title}, slice {number}"
    yield f"slice: {number}, {result.slice_log} {place} [{low:.10g}, {high:.10g}){unit}"
    if result.slice_totals:
        charge_uc, monitor_counts, seconds = result.slice_totals[index]
        yield f"of the slice: proton charge {charge_uc} uC, monitor counts {monitor_counts}"
        yield f"of the slice: measured for {seconds} s"


def _series_header(result: SavedResult, index: int) -> Iterator[str]:
    """What the file of a closed series begins with."""
    one, number = result.series[index], f"{index + 1} of {len(result.series)}"
    yield f"title: {result.title}, closed series {number}"
    yield f"closed series: {number}, pulses {one.first_pulse} to {one.last_pulse}"
    yield f"of the series: proton charge {one.proton_charge_uc} uC"
    yield f"of the series: monitor counts {one.monitor_counts}"
    yield f"of the series: measured for {one.collection_time_s} s"


def _common_header(result: SavedResult) -> Iterator[str]:
    """What the headers of all files have."""
    quantity, unit, shown = result.axis.quantity, result.units.symbol, result.shown
    yield f"columns: centre of bin in {quantity} ({unit}), {shown.name}, standard error"
    yield f"unit of columns 2 and 3: {shown.units}"
    yield f"groups: {', '.join(result.group_names)}"
    yield f"pulses: {result.first_pulse} to {result.last_pulse}"
    yield f"time: {iso_time(result.start_time_ns)} to {iso_time(result.end_time_ns)}"
    yield f"proton charge (uC): {float(result.proton_charge_uc)}"
    yield f"monitor counts: {float(result.monitor_counts)}"
    yield f"events: {', '.join(f'{name} {count}' for name, count in result.accounting.items())}"
    yield f"program: {result.program}"
    yield from (f"{name}: {value}" for name, value in result.parameters.items())


def _comment(line: str) -> str:
    """``line`` as a comment in ASCII that no reader takes for anything else."""
    plain = " ".join(line.split()).encode("ascii", "backslashreplace").decode("ascii")
    for word in WORDS_OF_FULLPROF:
        plain = plain.replace(word, word.lower())
    return f"# {plain.replace('q', 'Q').replace('=', ':')}\n"

"""Results to save, and what is asked of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reduction.files.saved_parts import (
    SavedIntensity,
    SavedSeries,
    SavedWindow,
    SliceTotals,
    ValuesAndErrors,
)
from reduction.files.saved_result import SavedResult
from reduction.parameters.units import Units
from reduction.parameters.windows import PeakStatus, RegionStatus


def sample(
    slices: int = 0, groups: int = 1, bins: int = 40, seed: int = 3, **changes: Any
) -> SavedResult:
    """A saved result with Poisson counts around 20, and with ``changes`` of its fields."""
    counts = np.random.default_rng(seed).poisson(20, (slices or 1, groups, bins)).astype(float)
    result = SavedResult(
        title="Silicon, heating",
        units=Units.D_SPACING,
        edges=np.linspace(0.4, 5, bins + 1),
        counts=counts,
        variances=counts,
        slice_log="Sim:Temperature" if slices else "",
        slice_bounds=tuple((280.0 + 10 * i, 290.0 + 10 * i) for i in range(slices)),
        group_names=tuple(f"bank{i + 1}" for i in range(groups)),
        first_pulse=1204,
        last_pulse=26403,
        start_time_ns=1_790_000_000_123_456_789,
        end_time_ns=1_790_001_800_123_456_789,
        proton_charge_uc=812.5,
        monitor_counts=1.25e6,
        accounting={"received": 10**12, "binned": int(counts.sum()), "invalid": 2},
        parameters={
            "LIVE:Red1:Units": "dSpacing",
            "LIVE:Red1:Filter:Min": 280.5,
            "LIVE:Sim:Temperature": 300.0,
            "LIVE:Sim:Seed": 7,
            "LIVE:Pause": False,
        },
        program="epics-live-reduction 0.1.0",
    )
    return dataclasses.replace(result, **changes)


def names(folder: Path) -> list[str]:
    """The sorted names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


PEAK = PeakStatus(1.92, 0.001, 0.01, 0.002, 5.0)


def corrected(slices: int = 3, groups: int = 2, series: int = 2, **changes: Any) -> SavedResult:
    """A sample with closed series, normalised intensities, a peak and a region.

    Intensities are 0.001 times the counts, and those of slice 2 are NaN in bin 5.
    """
    plain = sample(slices, groups, **changes)
    bins = plain.edges.size - 1
    closed = tuple(
        SavedSeries(np.full(bins, 10.0 + n), n, n + 9, 2.5, 0.7, 1e3 + n) for n in range(series)
    )

    def scaled(counts: Any) -> ValuesAndErrors:
        return ValuesAndErrors(0.001 * counts, 0.001 * np.sqrt(counts))

    by_slice = scaled(plain.by_slice.counts)
    if slices > 1:
        by_slice.values[1, 5] = np.nan
    fits = tuple(PeakStatus(centre=1.92 + 0.01 * n, centre_error=0.001) for n in range(slices))
    return dataclasses.replace(
        plain,
        series=closed,
        intensity=SavedIntensity(
            "counts per Ang and uC of proton charge, less the background empty.nxs",
            "counts/uC/angstrom",
            True,
            scaled(plain.summed.counts),
            by_slice,
            scaled(plain.by_group.counts),
            scaled(np.array([each.counts for each in closed]).reshape(-1, bins)),
        ),
        slice_totals=tuple(SliceTotals(10.0 + n, 100.0, 3.5) for n in range(slices or 1)),
        peaks=(SavedWindow(2, 1.87, 1.97, {"sum": (PEAK,), "slices": fits}),),
        regions=(SavedWindow(8, 1.0, 2.0, {"sum": (RegionStatus(message="no room"),)}),),
    )


def numbers(value: Any) -> list[Any]:
    """All numbers, texts and arrays of a value, in order."""
    if dataclasses.is_dataclass(value):
        value = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return [part for item in value.items() for each in item for part in numbers(each)]
    if isinstance(value, tuple):
        return [part for each in value for part in numbers(each)]
    return [value]


def assert_equal(one: SavedResult, other: SavedResult) -> None:
    for field in dataclasses.fields(SavedResult):
        ours, theirs = getattr(one, field.name), getattr(other, field.name)
        assert type(ours) is type(theirs), field.name
        if field.name in ("series", "intensity", "peaks", "regions"):
            for number, (mine, other_number) in enumerate(
                zip(numbers(ours), numbers(theirs), strict=True)
            ):
                np.testing.assert_array_equal(mine, other_number, f"{field.name} {number}")
        elif isinstance(ours, np.ndarray):
            np.testing.assert_array_equal(ours, theirs, field.name)
        elif isinstance(ours, dict):
            typed = [(name, type(value), value) for name, value in ours.items()]
            assert typed == [(name, type(value), value) for name, value in theirs.items()]
        else:
            assert ours == theirs, field.name

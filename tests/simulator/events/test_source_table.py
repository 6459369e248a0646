"""What events are drawn from: exact weights, and peaks that are normal, however weak they are."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reduction.instrument.geometry import powder_arc
from simulator.events.event_kernel import SourceTable
from simulator.events.pulses import PulseGenerator
from simulator.events.source_table import (
    AliasTable,
    FlatBackground,
    table_of_background,
    table_of_lines,
)
from simulator.parameters import SimulatorSettings
from simulator.powder.sample import Reflections, Sample

ARC = powder_arc()
X_RANGE = 2**32
CHI_SQUARE_LIMIT_SIGMA = 4.0
"""Seeds are fixed: what passes keeps passing. By chance one right table of 30 000 would fail."""


class DrawnPieces:
    """All that a table can yield: the chance of each piece of d, and where it begins and ends."""

    def __init__(self, table: SourceTable) -> None:
        low, slope, other_low, other_slope = table.lines.reshape(-1, 4).T
        keep = table.keep.astype(float)
        assert keep.size == 2**table.bits
        self.chance = np.append(keep, X_RANGE - keep) / X_RANGE / keep.size
        self.low = np.append(low, other_low + other_slope * keep)
        self.high = np.append(low + slope * keep, other_low + other_slope * X_RANGE)

    def below(self, d_angstrom: NDArray[np.float64]) -> NDArray[np.float64]:
        """The chance of a d below each of these."""
        width = np.maximum(self.high - self.low, 1e-12)
        share = np.clip((d_angstrom[:, None] - self.low) / width, 0, 1)
        below: NDArray[np.float64] = share @ self.chance
        return below

    def moments(self, low: float, high: float) -> tuple[float, float, float]:
        """Chance, mean and standard deviation of the pieces between two d-spacings."""
        here = (self.low >= low) & (self.high <= high) & (self.chance > 0)
        chance, middle = self.chance[here], (self.low + self.high)[here] / 2
        total = chance.sum()
        mean = chance @ middle / total
        square = (middle - mean) ** 2 + (self.high - self.low)[here] ** 2 / 12
        return total, mean, math.sqrt(chance @ square / total)


def lines_of(d_angstrom: Any, weight: Any) -> Reflections:
    count = len(d_angstrom)
    hkl = np.zeros((count, 3), np.int32)
    return Reflections(
        hkl, np.array(d_angstrom, float), np.array(weight, float), np.ones(count, np.int64)
    )


def normal_below(sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of a normal distribution below so many standard deviations."""
    below = [0.5 * math.erfc(-each / math.sqrt(2)) for each in np.ravel(sigma)]
    return np.reshape(below, np.shape(sigma))


def expected_below(d: NDArray[np.float64], settings: SimulatorSettings) -> NDArray[np.float64]:
    """The chance of a d below each of ``d``, by the formulas of the sample."""
    lines = settings.sample.reflections
    share = lines.weight / lines.weight.sum()
    sigma = settings.relative_peak_width * lines.d_angstrom
    peaks = normal_below((d[:, None] - lines.d_angstrom) / sigma) @ share
    flat = np.clip((d - settings.d_min) / (settings.d_max - settings.d_min), 0, 1)
    fraction = settings.background_fraction
    below: NDArray[np.float64] = (1 - fraction) * peaks + fraction * flat
    return below


@given(st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), min_size=1, max_size=60).filter(any))
def test_an_alias_table_holds_exactly_the_weights(weights: list[float]) -> None:
    count = len(weights)
    table = AliasTable.of(np.array(weights))
    assert np.all((table.keep >= 0) & (table.keep <= 1))
    chance = table.keep.copy()
    np.add.at(chance, table.alias, 1 - table.keep)
    np.testing.assert_allclose(chance / count, np.array(weights) / sum(weights), atol=1e-12)


@pytest.mark.parametrize("weights", [[1.0] * 7, [2.0, 1.0, 0.0], [0.0, 3.0], [1.0, 3.0, 1.0, 3.0]])
def test_an_alias_table_of_round_weights_has_no_chance_for_rounding(weights: list[float]) -> None:
    table = AliasTable.of(np.array(weights))
    chance = table.keep.copy()
    np.add.at(chance, table.alias, 1 - table.keep)
    assert (chance * sum(weights)).tolist() == [each * len(weights) for each in weights]


@pytest.mark.parametrize("others", [0, 1, 300, 5000])
def test_weak_lines_among_many_have_their_chance_place_and_width(others: int) -> None:
    strong = np.linspace(3, 4, others)
    d = [1.0, 1.5, 2.0, *strong]
    weight = np.array([1e-6, 1e-3, 1e-1, *np.full(others, 2.0)])
    width = 0.01
    pieces = DrawnPieces(table_of_lines(lines_of(d, weight), width, FlatBackground(0.0, 0.5, 9)))
    for at, share in zip(d[:3], weight / weight.sum(), strict=False):
        chance, mean, sigma = pieces.moments(at * 0.9, at * 1.1)
        assert chance == pytest.approx(share, rel=1e-4)
        assert mean == pytest.approx(at, rel=1e-6)
        assert sigma == pytest.approx(width * at, rel=1e-4)


def test_a_line_without_width_is_one_d_spacing() -> None:
    pieces = DrawnPieces(table_of_lines(lines_of([1.0, 2.0], [3, 1]), 0.0, FlatBackground(0, 1, 2)))
    drawn = pieces.chance > 0
    assert set(pieces.low[drawn]) == set(pieces.high[drawn]) == {1.0, 2.0}
    assert pieces.chance[pieces.low == 1.0].sum() == pytest.approx(0.75, abs=1e-9)


def test_a_line_that_is_extinct_is_never_drawn() -> None:
    table = table_of_lines(lines_of([1.0, 2.0, 3.0], [1, 0, 5]), 0.001, FlatBackground(0.1, 1, 4))
    pieces = DrawnPieces(table)
    flat = pieces.below(np.array([1.9, 2.1]))
    assert np.diff(flat)[0] == pytest.approx(0.1 * 0.2 / 3, rel=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_lines_and_background_have_their_shares(share: float) -> None:
    table = table_of_lines(lines_of([2.0], [7]), 0.002, FlatBackground(share, 1.0, 5.0))
    below = DrawnPieces(table).below(np.array([1.0, 1.5, 2.5, 5.0]))
    expected = [0, share / 8, (1 - share) + share * 1.5 / 4, 1]
    np.testing.assert_allclose(below, expected, atol=1e-9)


def test_a_background_alone_is_even() -> None:
    below = DrawnPieces(table_of_background(FlatBackground(1.0, 0.1, 8.0))).below(
        np.linspace(0.1, 8.0, 80)
    )
    np.testing.assert_allclose(below, np.linspace(0, 1, 80), atol=1e-9)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"temperature": 900.0},
        {"pressure": 12.0},
        {"relative_peak_width": 0.02, "background_fraction": 0.6},
        {
            "unit_cell": "5.64 5.64 5.64",
            "space_group": "F m -3 m",
            "atoms": "Na 0 0 0 1 0.01; Cl 1/2 0 0 1 0.012",
        },
    ],
    ids=lambda changes: "-".join(changes) or "as given",
)
def test_events_have_the_distribution_of_the_sample(changes: dict[str, Any]) -> None:
    settings = SimulatorSettings(events_per_pulse=4_000_000, **changes)
    pixel_id, tof_ns = PulseGenerator(ARC, 11).events(settings, 2)
    d = (tof_ns + 0.5) / 1000 / ARC.difc_us_per_angstrom[pixel_id]
    edges = np.concatenate([[0.0], np.arange(0.5, 4.05, 0.001), [20.0]])
    expected = np.diff(expected_below(edges, settings)) * tof_ns.size
    seen = expected > 5
    found = np.histogram(d, edges)[0]
    chi_square = np.sum((found[seen] - expected[seen]) ** 2 / expected[seen])
    freedom = np.count_nonzero(seen) - 1
    assert freedom > 2000
    assert abs(chi_square - freedom) < CHI_SQUARE_LIMIT_SIGMA * np.sqrt(2 * freedom)


def test_a_higher_temperature_weakens_lines_at_short_d_as_debye_and_waller_say() -> None:
    cold = SimulatorSettings(background_fraction=0.0, relative_peak_width=0.0)
    hot = dataclasses.replace(cold, temperature=2 * 295.0)
    lines = cold.sample.reflections
    ratio = [
        np.array([found.moments(d - 1e-6, d + 1e-6)[0] for d in np.unique(lines.d_angstrom)[-3:]])
        for found in (
            DrawnPieces(table_of_lines(each.sample.reflections, 0.0, FlatBackground(0, 1, 2)))
            for each in (hot, cold)
        )
    ]
    weaker = ratio[0] / ratio[1]
    d = np.unique(lines.d_angstrom)[-3:]
    expected = np.exp(-4 * np.pi**2 * 0.006 / d**2)
    np.testing.assert_allclose(weaker / weaker[-1], expected / expected[-1], rtol=1e-3)


def test_pixel_source_and_place_in_a_peak_do_not_depend_on_each_other() -> None:
    settings = SimulatorSettings(
        events_per_pulse=4_000_000, d_min=1.5, background_fraction=0.0, relative_peak_width=0.001
    )
    pixel_id, tof_ns = PulseGenerator(ARC, 3).events(settings, 1)
    d = (tof_ns + 0.5) / 1000 / ARC.difc_us_per_angstrom[pixel_id]
    lines = settings.sample.reflections
    strong = lines.weight > 1e-3 * lines.weight.max()
    at, share = lines.d_angstrom[strong], (lines.weight / lines.weight.sum())[strong]
    line = np.argmin(np.abs(d[:, None] - at), axis=1)
    place = np.digitize((d / at[line] - 1) / 0.001, [-0.6744898, 0.0, 0.6744898])
    found = np.zeros((1000, at.size, 4))
    np.add.at(found, (pixel_id, line, place), 1)
    expected = 4_000_000 / 1000 * share[None, :, None] / 4 * np.ones((1000, 1, 4))
    chi_square = np.sum((found - expected) ** 2 / expected)
    freedom = found.size - 1
    assert expected.min() > 5
    assert abs(chi_square - freedom) < CHI_SQUARE_LIMIT_SIGMA * np.sqrt(2 * freedom)


def test_a_sample_of_ten_thousand_lines_is_drawn_by_its_weights() -> None:
    sample = Sample("20 20.5 21", "P m m m", "Si 0.1 0.2 0.3 1 0.01", 0.75, 8.0)
    lines = sample.reflections
    assert len(lines) > 5000
    settings = SimulatorSettings(
        unit_cell=sample.unit_cell,
        space_group=sample.space_group,
        atoms=sample.atoms,
        d_min=sample.d_min,
        d_max=sample.d_max,
    )
    pieces = DrawnPieces(
        table_of_lines(lines, 0.002, FlatBackground(0.2, sample.d_min, sample.d_max))
    )
    at = np.linspace(0.8, 7.9, 8)
    np.testing.assert_allclose(pieces.below(at), expected_below(at, settings), atol=1e-4)

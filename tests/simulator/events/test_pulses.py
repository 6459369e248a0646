"""The seeded pulse: what its events are, and that nothing but the seed decides them."""

from __future__ import annotations

import dataclasses
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.instrument.geometry import Instrument, powder_arc
from simulator.events import event_kernel
from simulator.events.pulses import PulseBuffer, PulseGenerator
from simulator.events.source_table import FlatBackground, table_of_lines
from simulator.output.pulse_messages import chunk_bounds
from simulator.parameters import SimulatorSettings

ARC = powder_arc()
CHI_SQUARE_LIMIT_SIGMA = 4.0
"""The seeds are fixed, so a test that passes keeps passing; 4 sigma says the physics is right."""


def generated(seed: int = 1, pulse: int = 0, **changes: Any) -> tuple[Any, Any]:
    return PulseGenerator(ARC, seed).events(SimulatorSettings(**changes), pulse)


def d_spacings(pixel_id: Any, tof_ns: Any) -> Any:
    """The time of flight was cut to whole ns: put half a one back."""
    return (tof_ns + 0.5) / 1000 / ARC.difc_us_per_angstrom[pixel_id]


def assert_chi_square_is_ordinary(observed: Any, expected: Any) -> None:
    chi_square = np.sum((observed - expected) ** 2 / expected)
    freedom = observed.size - 1
    assert abs(chi_square - freedom) < CHI_SQUARE_LIMIT_SIGMA * np.sqrt(2 * freedom)


def test_seed_and_pulse_and_settings_determine_every_event() -> None:
    generator = PulseGenerator(ARC, 7)
    settings = SimulatorSettings(events_per_pulse_spread=100)
    for pulse in (5, 2, 5):
        first = generator.events(settings, pulse)
        generator.events(dataclasses.replace(settings, pressure=3), pulse)
        for here, there in zip(first, PulseGenerator(ARC, 7).events(settings, pulse), strict=True):
            np.testing.assert_array_equal(here, there)


def test_other_seeds_and_other_pulses_give_other_events() -> None:
    made = [generated(seed, pulse)[1] for seed in (0, 1, -1, 2**40) for pulse in (0, 1, 2, 10**9)]
    # Neither the same nor shifted against each other: no long run of one is found in another.
    runs = {bytes(tof[start : start + 3]) for tof in made for start in range(1000)}
    assert len(runs) == len(made) * 1000


def test_more_events_begin_with_those_of_fewer() -> None:
    few, many = generated(events_per_pulse=99), generated(events_per_pulse=1000)
    np.testing.assert_array_equal(few[0], many[0][:99])
    np.testing.assert_array_equal(few[1], many[1][:99])


def test_a_buffer_has_the_same_events_and_is_used_again() -> None:
    generator, buffer = PulseGenerator(ARC, 7), PulseBuffer()
    for pulse, count in ((3, 1000), (4, 999), (5, 1010), (6, 5000)):
        settings = SimulatorSettings(events_per_pulse=count, monitor_events_per_pulse=count)
        for make in (generator.events, generator.monitor_events):
            memory = make(settings, pulse, buffer)
            for here, there in zip(memory, make(settings, pulse), strict=True):
                np.testing.assert_array_equal(here, there)
    first = generator.events(SimulatorSettings(events_per_pulse=10), 0, buffer)
    assert np.shares_memory(first.tof_ns, buffer.events(10).tof_ns)


def hashed(counter: Any) -> Any:
    """Splitmix64 of counters (n,) uint64, as its authors write it."""
    z = counter * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def test_the_compiled_loop_gives_what_numpy_gives() -> None:
    table = table_of_lines(SimulatorSettings().sample.reflections, 0.01, FlatBackground(0.3, 1, 4))
    random = np.random.default_rng(1)
    pixel_ids = random.permutation(50).astype(np.int32) * 7
    ns_per_angstrom = random.uniform(1e5, 5e6, 50)
    events = PulseBuffer().events(10_000)
    event_kernel.fill_events(np.uint64(2**64 - 5000), pixel_ids, ns_per_angstrom, table, *events)
    bits = hashed(np.uint64(2**64 - 5000) + np.arange(10_000, dtype=np.uint64))
    pixel = (bits >> np.uint64(32)) * np.uint64(50) >> np.uint64(32)
    other = bits * np.uint64(0x9E3779B97F4A7C15)
    cell = (other >> np.uint64(64 - table.bits)).astype(int)
    x = (other >> np.uint64(32 - table.bits) & np.uint64(2**32 - 1)).astype(int)
    start, slope = table.lines.reshape(-1, 2, 2)[cell, (x >= table.keep[cell]).astype(int)].T
    np.testing.assert_array_equal(events.pixel_id, pixel_ids[pixel.astype(int)])
    tof_ns = ((start + slope * x) * ns_per_angstrom[pixel.astype(int)]).astype(np.int32)
    np.testing.assert_array_equal(events.tof_ns, tof_ns)


def test_pixels_and_times_are_int32_and_every_detector_is_hit_alike() -> None:
    pixel_id, tof_ns = generated(events_per_pulse=500_000)
    assert pixel_id.dtype == tof_ns.dtype == np.int32
    assert pixel_id.shape == tof_ns.shape == (500_000,)
    assert_chi_square_is_ordinary(np.bincount(pixel_id, minlength=1000), np.full(1000, 500.0))


def test_monitors_are_never_hit_and_ids_need_not_be_indices() -> None:
    instrument = Instrument(
        "four",
        np.array([70, 5, 900, 31], np.int32),
        np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, -2], [0, 1, 1]]),
        np.array([False, False, True, False]),
        10.0,
    )
    pixel_id, tof_ns = PulseGenerator(instrument, 1).events(SimulatorSettings(), 0)
    assert set(pixel_id.tolist()) == {70, 5, 31}
    assert tof_ns.min() >= 1


def test_monitors_have_random_numbers_and_a_beam_of_their_own() -> None:
    generator = PulseGenerator(ARC, 7)
    settings = SimulatorSettings(events_per_pulse=2000, monitor_events_per_pulse=100_000)
    without = dataclasses.replace(settings, monitor_events_per_pulse=0)
    for one, other in zip(generator.events(settings, 3), generator.events(without, 3), strict=True):
        np.testing.assert_array_equal(one, other)
    assert generator.monitor_events(without, 3)[0].size == 0
    pixel_id, tof_ns = generator.monitor_events(settings, 3)
    assert set(pixel_id.tolist()) == {1000}
    angstrom = tof_ns / 1000 * 3956.034 / 19.0 / 1e6
    found = np.histogram(angstrom, np.linspace(0.1, 8.0, 51))[0]
    assert found.sum() >= tof_ns.size - 2
    assert_chi_square_is_ordinary(found, np.full(50, tof_ns.size / 50))


def test_counts_of_monitors_scatter_as_counts_do() -> None:
    generator, settings = PulseGenerator(ARC, 3), SimulatorSettings()
    counts = [generator.monitor_events(settings, pulse)[0].size for pulse in range(2000)]
    assert np.mean(counts) == pytest.approx(100, abs=4 * 10 / np.sqrt(2000))
    assert np.std(counts) == pytest.approx(10, rel=0.08)


def test_an_instrument_without_monitors_has_no_events_of_them() -> None:
    pixels = dataclasses.replace(ARC, is_monitor=np.zeros(1001, np.bool_))
    assert PulseGenerator(pixels, 1).monitor_events(SimulatorSettings(), 0)[0].size == 0


def test_an_instrument_of_monitors_alone_is_refused() -> None:
    monitors = dataclasses.replace(ARC, is_monitor=np.ones(1001, np.bool_))
    with pytest.raises(ValueError, match="powder_arc has no detectors beside the beam"):
        PulseGenerator(monitors, 1)


def test_without_width_or_background_every_event_lies_on_a_line() -> None:
    pixel_id, tof_ns = generated(relative_peak_width=0, background_fraction=0)
    lines = SimulatorSettings().sample.reflections.d_angstrom
    expected = (lines[None] * ARC.difc_us_per_angstrom[pixel_id][:, None] * 1000).astype(np.int32)
    assert np.all(np.any(expected == tof_ns[:, None], axis=1))


def test_lines_are_drawn_by_structure_factor_times_multiplicity() -> None:
    changes = {"events_per_pulse": 1_000_000, "background_fraction": 0, "relative_peak_width": 0}
    lines = SimulatorSettings().sample.reflections
    d = d_spacings(*generated(**changes))
    places, where = np.unique(np.round(lines.d_angstrom, 9), return_inverse=True)
    chance = np.bincount(where, lines.weight) / lines.weight.sum()
    edges = np.concatenate([[0], (places[1:] + places[:-1]) / 2, [9]])
    found = np.histogram(d, edges)[0]
    assert found[chance < 1e-20].sum() == 0
    likely = chance > 1e-20
    assert_chi_square_is_ordinary(found[likely], 1_000_000 * chance[likely])


def test_a_peak_is_normal_about_its_line_with_the_relative_width() -> None:
    # One line only: 111 of silicon at 3.1356 Å.
    d = d_spacings(*generated(d_min=3, d_max=4, background_fraction=0, events_per_pulse=1_000_000))
    deviation = (d / (5.431 / np.sqrt(3)) - 1) / 0.002
    quantiles = [NormalDist().inv_cdf(each / 50) for each in range(1, 50)]
    found = np.histogram(deviation, [-np.inf, *quantiles, np.inf])[0]
    assert_chi_square_is_ordinary(found, np.full(50, 20_000.0))


def test_the_background_is_flat_between_d_min_and_d_max() -> None:
    d = d_spacings(*generated(background_fraction=1, events_per_pulse=1_000_000))
    found = np.histogram(d, np.linspace(0.5, 4.0, 101))[0]
    assert found.sum() == 1_000_000
    assert_chi_square_is_ordinary(found, np.full(100, 10_000.0))


def test_the_background_has_its_share() -> None:
    d = d_spacings(*generated(events_per_pulse=1_000_000, background_fraction=0.35))
    flat = np.count_nonzero((d > 2.1) & (d < 2.9))
    assert flat == pytest.approx(0.35 * 1_000_000 * 0.8 / 3.5, rel=0.01)


def test_the_number_of_events_varies_with_the_spread() -> None:
    generator = PulseGenerator(ARC, 3)
    settings = SimulatorSettings(events_per_pulse=1000, events_per_pulse_spread=50)
    counts = [generator.events(settings, pulse)[0].size for pulse in range(2000)]
    assert np.mean(counts) == pytest.approx(1000, abs=4 * 50 / np.sqrt(2000))
    assert np.std(counts) == pytest.approx(50, rel=0.08)


def test_a_wide_spread_never_makes_less_than_no_events() -> None:
    generator = PulseGenerator(ARC, 3)
    settings = SimulatorSettings(events_per_pulse=10, events_per_pulse_spread=1000)
    counts = [generator.events(settings, pulse)[0].size for pulse in range(50)]
    assert min(counts) == 0
    assert max(counts) > 100
    assert generated(events_per_pulse=0)[0].size == 0


def test_times_of_flight_stay_within_int32() -> None:
    far = dataclasses.replace(ARC, l1_m=1e6)
    _, tof_ns = PulseGenerator(far, 1).events(SimulatorSettings(), 0)
    assert tof_ns.max() == event_kernel.LATEST_TOF_NS
    assert tof_ns.min() >= 1


def test_normals_are_the_quantiles_of_their_uniforms() -> None:
    for uniform in [*np.linspace(0.0005, 0.9995, 500), 1e-15, 1e-12, 1e-9, 1 - 1e-9, 1 - 1e-12]:
        bits = int(uniform * 2**53)
        expected = NormalDist().inv_cdf((bits + 0.5) / 2**53)
        assert event_kernel.normal_of_bits(np.uint64(bits << 11)) == pytest.approx(
            expected, rel=2e-7
        )


@given(st.integers(0, 100_000), st.integers(1, 40), st.integers(500, 200_000))
def test_chunks_hold_every_event_once_and_share_evenly(
    events: int, partitions: int, max_chunk_size: int
) -> None:
    bounds = chunk_bounds(events, partitions, max_chunk_size)
    sizes = [high - low for low, high in bounds]
    assert [low for low, _ in bounds] == [0, *np.cumsum(sizes).tolist()][:-1]
    assert sum(sizes) == events
    assert len(bounds) >= min(events, partitions)
    assert len(bounds) <= max(partitions, -(-events // max_chunk_size))
    if sizes:
        assert 1 <= min(sizes) <= max(sizes) <= min(max_chunk_size, min(sizes) + 1)

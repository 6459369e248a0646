"""Textures, shadows, hot and dead detectors in the events of pulses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument, powder_arc
from reduction.parameters.specs import Refused
from simulator.events.event_kernel import (
    NO_LINE,
    PixelTable,
    PoleTable,
    fill_events,
    fill_uneven_events,
)
from simulator.events.pulses import PulseBuffer, PulseEvents, PulseGenerator
from simulator.events.source_table import AliasTable, FlatBackground, table_of_lines
from simulator.parameters import SimulatorSettings
from simulator.powder.texture import TextureAxis, node_of_detectors, pole_densities
from simulator.uneven_parameters import UnevenSettings
from tests.simulator.events.test_pulses import assert_chi_square_is_ordinary, hashed

ARC = powder_arc()
LINES = SimulatorSettings().sample.reflections
SOURCES = table_of_lines(LINES, 0.01, FlatBackground(0.3, 1, 4))
TWO_32 = 2**32


def sphere(pixels: int = 400) -> Instrument:
    """Detectors all around the sample, but not near the beam."""
    place = np.arange(pixels)
    z = np.linspace(-0.95, 0.95, pixels)
    turn = place * 2.399963
    across = np.sqrt(1 - z**2)
    position = 2 * np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=1)
    none = np.zeros(pixels, np.bool_)
    return Instrument("sphere", place.astype(np.int32), position, none, 20.0)


def events_of(instrument: Instrument, count: int, **changes: Any) -> PulseEvents:
    settings = SimulatorSettings(events_per_pulse=count, uneven=UnevenSettings(**changes))
    return PulseGenerator(instrument, 5).events(settings, 3)


def counts_of(count: int, **changes: Any) -> NDArray[np.int64]:
    """Counts of the pixels of the arc, (1000,)."""
    return np.bincount(events_of(ARC, count, **changes).pixel_id, minlength=1000)


def test_uneven_settings_are_off_at_first_and_then_events_are_as_without_them() -> None:
    plain = PulseGenerator(ARC, 5).events(SimulatorSettings(events_per_pulse=1000), 3)
    off: dict[str, Any] = {
        "hot_detectors": "5",
        "hot_factor": 1.0,
        "shadow_transmission": 0.0,
        "texture_hkl": "1 0 0",
    }
    for here, there in zip(plain, events_of(ARC, 1000, **off), strict=True):
        np.testing.assert_array_equal(here, there)


def test_even_tables_give_the_events_of_the_plain_loop() -> None:
    plain, uneven = PulseBuffer().events(10_000), PulseBuffer().events(10_000)
    ids, ns_per_angstrom = ARC.detector_id[:1000], ARC.difc_us_per_angstrom[:1000] * 1000
    pixels = PixelTable(np.full(1000, TWO_32), np.zeros(1000, np.int32))
    poles = PoleTable(np.ones((len(LINES) + 1, 2)), np.zeros(1000))
    first = np.uint64(12345)
    fill_events(first, ids, ns_per_angstrom, SOURCES, *plain)
    fill_uneven_events(first, ids, ns_per_angstrom, SOURCES, pixels, poles, *uneven)
    for here, there in zip(plain, uneven, strict=True):
        np.testing.assert_array_equal(here, there)


def test_the_compiled_loop_of_uneven_events_gives_what_numpy_gives() -> None:
    random = np.random.default_rng(2)
    ids, ns_per_angstrom = np.arange(50, dtype=np.int32), random.uniform(1e5, 5e6, 50)
    table = AliasTable.of(random.uniform(0, 3, 50))
    pixels = PixelTable((table.keep * TWO_32).astype(np.int64), table.alias.astype(np.int32))
    poles = PoleTable(random.uniform(0.05, 1, (len(LINES) + 1, 7)), random.uniform(0, 6, 50))
    first, events = np.uint64(2**64 - 5000), PulseBuffer().events(10_000)
    fill_uneven_events(first, ids, ns_per_angstrom, SOURCES, pixels, poles, *events)
    bits = hashed(first + np.arange(10_000, dtype=np.uint64))
    open_ = np.ones(10_000, bool)
    pixel, d = np.zeros(10_000, int), np.zeros(10_000)
    while open_.any():
        more = hashed(bits)
        drawn = (bits >> np.uint64(32)) * np.uint64(50) >> np.uint64(32)
        kept = (more >> np.uint64(32)).astype(int) < pixels.keep[drawn.astype(int)]
        drawn = np.where(kept, drawn.astype(int), pixels.other[drawn.astype(int)])
        other = bits * np.uint64(0x9E3779B97F4A7C15)
        cell = (other >> np.uint64(64 - SOURCES.bits)).astype(int)
        x = (other >> np.uint64(32 - SOURCES.bits) & np.uint64(2**32 - 1)).astype(int)
        piece = 2 * cell + (x >= SOURCES.keep[cell])
        start, slope = SOURCES.lines.reshape(-1, 2)[piece].T
        low = np.minimum(poles.node[drawn].astype(int), 5)
        row = poles.chance[SOURCES.line_of_piece[piece]]
        here, after = np.take_along_axis(row, np.stack([low, low + 1], 1), 1).T
        chance = here + (poles.node[drawn] - low) * (after - here)
        pixel[open_], d[open_] = drawn[open_], (start + slope * x)[open_]
        open_ &= (more & np.uint64(2**32 - 1)) >= chance * TWO_32
        bits = more
    np.testing.assert_array_equal(events.pixel_id, pixel)
    np.testing.assert_array_equal(events.tof_ns, (d * ns_per_angstrom[pixel]).astype(np.int32))


def test_each_piece_of_a_table_knows_its_line() -> None:
    start, slope = SOURCES.lines.reshape(-1, 2).T
    line = SOURCES.line_of_piece
    x = np.repeat(SOURCES.keep, 2) / 2 * (np.arange(line.size) % 2 == 0)
    x += (np.repeat(SOURCES.keep, 2) + TWO_32) / 2 * (np.arange(line.size) % 2)
    middle = start + slope * x
    drawn = (middle > 0) & (line != NO_LINE)
    assert drawn.sum() > 1000
    apart = np.abs(middle[drawn] / LINES.d_angstrom[line[drawn]] - 1)
    assert apart.max() < 5 * 0.01


def test_hot_detectors_count_too_much_and_dead_ones_nothing() -> None:
    counts = counts_of(
        1_000_000, hot_detectors="100:149, 7", hot_factor=10, dead_detectors="900-949"
    )
    weight = np.ones(1000)
    weight[100:150], weight[7], weight[900:950] = 10, 10, 0
    assert counts[900:950].sum() == 0
    assert counts.sum() == 1_000_000
    alive = weight > 0
    assert_chi_square_is_ordinary(counts[alive], 1_000_000 * (weight / weight.sum())[alive])


def test_a_dead_detector_stays_dead_if_it_is_hot() -> None:
    counts = counts_of(100_000, hot_detectors="5:9", dead_detectors="9")
    assert counts[9] == 0
    assert counts[8] > 500


def test_a_shadow_dims_the_detectors_within_its_angle() -> None:
    shadow = {"shadow_radius": 10, "shadow_two_theta": 60, "shadow_transmission": 0.2}
    counts = counts_of(1_000_000, **shadow)
    two_theta = np.degrees(ARC.two_theta_rad[:1000])
    weight = np.where(np.abs(two_theta - 60) <= 10, 0.2, 1.0)
    assert 100 < np.count_nonzero(weight < 1) < 150
    assert_chi_square_is_ordinary(counts, 1_000_000 * weight / weight.sum())


def test_a_shadow_on_the_other_side_of_the_beam_is_not_on_the_arc() -> None:
    counts = counts_of(100_000, shadow_radius=10, shadow_azimuth=180, shadow_transmission=0)
    assert counts.min() > 50


def test_a_shadow_of_no_transmission_has_no_events() -> None:
    counts = counts_of(100_000, shadow_radius=10, shadow_two_theta=60, shadow_transmission=0)
    two_theta = np.degrees(ARC.two_theta_rad[:1000])
    assert counts[np.abs(two_theta - 60) < 9.9].sum() == 0


def test_with_all_detectors_dead_there_are_no_events() -> None:
    assert events_of(ARC, 1000, dead_detectors="0:2000").pixel_id.size == 0


def test_ids_that_the_instrument_lacks_and_monitors_have_no_effect() -> None:
    counts = counts_of(200_000, hot_detectors="1000, 5000:6000", hot_factor=1000)
    assert_chi_square_is_ordinary(counts, np.full(1000, 200.0))


@pytest.mark.parametrize("march", [0.5, 1.8])
@pytest.mark.parametrize("axis", [TextureAxis.VERTICAL, TextureAxis.BEAM])
def test_each_line_is_as_strong_in_each_pixel_as_the_texture_says(
    march: float, axis: TextureAxis
) -> None:
    instrument, count = sphere(), 2_000_000
    uneven = UnevenSettings(march_coefficient=march, texture_hkl="1 1 1", texture_axis=axis)
    settings = SimulatorSettings(
        events_per_pulse=count,
        d_min=1.5,
        relative_peak_width=0,
        background_fraction=0.4,
        uneven=uneven,
    )
    pixel_id, tof_ns = PulseGenerator(instrument, 2).events(settings, 1)
    d = (tof_ns + 0.5) / 1000 / instrument.difc_us_per_angstrom[pixel_id]
    lines = settings.sample.reflections
    assert uneven.texture is not None
    densities = pole_densities(settings.sample, uneven.texture)
    node = node_of_detectors(instrument, axis)
    share = 0.6 * lines.weight / lines.weight.sum()
    density = np.stack([np.interp(node, np.arange(each.size), each) for each in densities])
    expected = np.append(share[:, None] * density, np.full((1, 400), 0.4), axis=0)
    strong = np.flatnonzero(share > 1e-3)
    near = np.abs(d[:, None] / lines.d_angstrom[strong] - 1)
    line = np.where(near.min(axis=1) < 1e-5, near.argmin(axis=1), strong.size)
    found = np.zeros((strong.size + 1, 400))
    np.add.at(found, (line, pixel_id), 1)
    wanted = np.append(expected[strong], expected[-1:], axis=0)
    wanted *= count / wanted.sum()
    assert wanted.min() > 5
    assert_chi_square_is_ordinary(found, wanted)


def test_seed_pulse_and_settings_determine_uneven_events_and_another_setting_is_taken() -> None:
    generator = PulseGenerator(ARC, 5)
    hot = SimulatorSettings(events_per_pulse=1000, uneven=UnevenSettings(hot_detectors="5"))
    dead = SimulatorSettings(events_per_pulse=1000, uneven=UnevenSettings(dead_detectors="6"))
    first, other = generator.events(hot, 9), generator.events(dead, 9)
    again = PulseGenerator(ARC, 5).events(hot, 9)
    for here, there in zip(generator.events(hot, 9), again, strict=True):
        np.testing.assert_array_equal(here, there)
    np.testing.assert_array_equal(first.pixel_id, again.pixel_id)
    assert not np.array_equal(first.pixel_id, other.pixel_id)


@pytest.mark.parametrize("name", ["HotDetectors", "DeadDetectors"])
def test_lists_that_are_no_ids_are_refused_by_name(name: str) -> None:
    bad: dict[str, Any] = {"HotDetectors": {"hot_detectors": "3, bank7"}}
    bad["DeadDetectors"] = {"dead_detectors": "3, bank7"}
    with pytest.raises(Refused, match=rf"{name}: .*'bank7': an id or a range a:b was expected"):
        UnevenSettings(**bad[name])

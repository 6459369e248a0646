"""The example of an instrument with a million pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reduction.definitions.idf_reader import read_definition
from simulator.events.pulses import PulseGenerator
from simulator.parameters import SimulatorSettings
from simulator.uneven_parameters import UnevenSettings

EXAMPLE = Path(__file__).parents[2] / "examples" / "million_pixels.xml"


def test_a_few_lines_make_a_million_pixels_whose_columns_are_ranges_of_ids() -> None:
    assert EXAMPLE.stat().st_size < 10_000
    instrument = read_definition(EXAMPLE)
    pixels = ~instrument.is_monitor
    assert instrument.detector_id[pixels].tolist() == list(range(2**20))
    assert len(instrument.bank_names) == 32
    columns = instrument.position_m[pixels].reshape(32, 128, 256, 3)
    assert np.ptp(columns[..., 0], axis=2).max() < 1e-9
    assert np.diff(columns[..., 1], axis=2).min() > 0.002
    assert np.isfinite(instrument.difc_us_per_angstrom[pixels]).all()
    hot = SimulatorSettings(
        events_per_pulse=100_000, uneven=UnevenSettings(hot_detectors="2560:2815", hot_factor=1000)
    )
    pixel_id, _ = PulseGenerator(instrument, 1).events(hot, 0)
    in_tube = np.count_nonzero((pixel_id >= 2560) & (pixel_id <= 2815))
    share = 256_000 / (256_000 + 2**20 - 256)
    assert abs(in_tube - 100_000 * share) < 5 * np.sqrt(100_000 * share * (1 - share))

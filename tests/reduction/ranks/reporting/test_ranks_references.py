"""Background and vanadium on the ranks, from saved results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.control.reports import RanksReport, ReductionResult
from reduction.files.nexus_writer import write_nexus
from reduction.parameters.corrections import CorrectionSettings, Normalisation
from reduction.results.views import reduction_view
from tests.support.ranks.arc_pulses import check, counts_of, events_of, expected, order, settings
from tests.support.ranks.back_end import back_end
from tests.support.results.saved_sample import sample


def saved_from(report: RanksReport, path: Path, **changes: Any) -> str:
    """What a result is worth as a reference, in a file."""
    (result,) = report.results
    counts = counts_of(result).astype(float)
    write_nexus(
        sample(
            edges=result.edges,
            counts=counts,
            variances=counts,
            group_names=("all",),
            monitor_counts=sum(result.monitor_counts),
            **changes,
        ),
        path,
    )
    return str(path)


def intensity_of(result: ReductionResult) -> NDArray[np.float64]:
    """The intensity in each bin, as it is posted."""
    view = reduction_view(result, None)
    assert view is not None
    intensity: NDArray[np.float64] | None = view.spectrum.y
    assert intensity is not None
    return intensity


def with_monitor(pulse: int, monitored: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The events of a pulse and some of the monitor, which has id 1000."""
    pixel_id, tof_ns = events_of(pulse)
    late = np.full(monitored, 2_000_000_000, np.int32)  # its times do not matter
    return np.append(pixel_id, np.full(monitored, 1000, np.int32)), np.append(tof_ns, late)


def test_a_saved_result_is_the_vanadium_of_later_ones_by_monitor_counts(tmp_path: Path) -> None:
    with back_end(tmp_path, 2, partitions=2) as running:
        bins = settings(bin_params="0.4,0.05,5")
        for pulse in range(10):
            running.feed.pulse(pulse, *with_monitor(pulse, 50 + pulse))
        report = running.obeyed(order(1, bins), 9)
        result = check(report, bins, range(10))
        assert result.monitor_counts == (545.0,)
        assert result.status.monitor_counts == result.status.events_masked == 545
        path = saved_from(report, tmp_path / "van.nxs")
        by = CorrectionSettings(Normalisation.MONITOR, vanadium=path)
        wider = replace(settings(bin_params="0.4,0.05,5.1"), corrections=by)
        running.feed.pulse(10, *with_monitor(10, 100))
        report = running.obeyed(order(2, wider, generation=1), 10)
        result = check(report, wider, range(11))
        assert result.status.bins_undefined >= 2
        assert "bins without a value: the vanadium ends at 5" in result.status.normalisation_message
        y = intensity_of(result)
        counts, vanadium = expected(wider, range(11))[:92], expected(bins, range(10))
        there = vanadium > 0
        ratio = (counts[there] / 645) / (vanadium[there] / 545)
        np.testing.assert_allclose(y[:92][there], ratio)
        assert np.isnan(y[92:]).all()


def test_a_file_that_rank_0_cannot_read_changes_nothing_and_one_that_it_has_stays(
    tmp_path: Path,
) -> None:
    with back_end(tmp_path, 2, partitions=2) as running:
        bins = settings(bin_params="0.4,0.05,5")
        running.feed.pulse(0, *events_of(0))
        report = running.obeyed(order(1, bins), 0)
        path = tmp_path / "empty.nxs"
        less = replace(bins, corrections=CorrectionSettings(background=str(path)))
        refused = running.obeyed(order(2, less, generation=1))
        assert "Background: " in refused.message
        assert "there is no such file" in refused.message
        assert refused.results[0].order == report.results[0].order
        saved_from(report, path)
        running.obeyed(order(3, less, generation=2))
        path.unlink()
        other = replace(less, bin_params="0.4,0.1,5")
        result = running.obeyed(order(4, other, generation=3)).results[0]
        np.testing.assert_allclose(intensity_of(result), 0.0, atol=1e-6)
        check(running.results(4), other, [0])

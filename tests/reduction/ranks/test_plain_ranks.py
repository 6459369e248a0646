"""The ranks as processes, with a stream without marks: the same from any number of ranks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.ranks.arc_pulses import check, events_of, order, settings
from tests.support.ranks.back_end import back_end

PULSES = 40


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_any_number_of_ranks_counts_every_event_though_partitions_are_silent_or_late(
    ranks: int, tmp_path: Path
) -> None:
    with back_end(tmp_path, ranks, partitions=4) as running:
        feed, bins = running.feed, settings()
        running.obeyed(order(1, bins))
        for pulse in range(PULSES):
            if pulse == 20:
                feed.held[3] = []
            feed.pulse(pulse, *events_of(pulse), chunks=1 + pulse % 3, marks=False)
        feed.release(3)
        report = running.results(1, PULSES - 1)
        check(report, bins, range(PULSES))
        assert report.acquisition.pulses == PULSES
        assert (report.stream.pulse_first, report.stream.pulse_last) == (0, PULSES - 1)
        assert report.stream.messages_missing == 0

        report = running.obeyed(replace(order(2, bins), resets=1))
        check(report, bins, [])
        feed.pulse(PULSES, *events_of(PULSES), marks=False)
        report = running.results(2, PULSES)
        check(report, bins, [PULSES])
        assert report.stream.pulse_first == PULSES

"""Of an empty spectrum it is said where its events are, or why there are none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ioc.model.ioc_parameters import OverallStatus
from ioc.posting.empty_spectra import empty_spectra
from ioc.posting.health import QUIET_S, Health
from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.control.reports import RanksReport
from reduction.control.run_state import PulseGap, RunState
from reduction.parameters.acquisition import AcquisitionStatus
from reduction.parameters.all_reductions.readings import StreamStatus
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.readings import ReductionStatus
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from tests.support.ioc.publisher_bench import report

PLAIN = ReductionSettings()
SLICED = replace(PLAIN, filter=FilterSettings("pressure", 2, 1, 5))
INVERTED = replace(PLAIN, filter=FilterSettings("pressure", 2, 1, 5, True))
MASKED = replace(PLAIN, detectors=DetectorSettings(mask="0:9"))
GROUPED = replace(PLAIN, detectors=DetectorSettings(groups="0:9"))
BOTH = replace(PLAIN, detectors=DetectorSettings(mask="0:9", groups="0:9"))
PAUSE, IDLE = PulseGap(1, 2, True), PulseGap(3, 4, False)


def of_events(
    settings: ReductionSettings = PLAIN,
    gaps: tuple[PulseGap, ...] = (),
    pulses: int = 0,
    **counted: Any,
) -> RanksReport:
    """A report whose events are counted so, of an accumulation of ``pulses`` with gaps."""
    said = report(RanksOrder(reductions=(ReductionOrder(0, settings),)))
    (result,) = said.results
    counts = replace(result, status=ReductionStatus(**counted))
    acquisition = AcquisitionStatus(pulses=pulses)
    return replace(said, results=(counts,), run=RunState(gaps=gaps), acquisition=acquisition)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            of_events(events_out_of_range=9, events_masked=1),
            "most events are out of range: choose other bins or unit",
        ),
        (of_events(events_invalid=9), "most events are invalid: see EventsBadPixel"),
        (of_events(MASKED, events_masked=9), "masked: Mask leaves out their detectors"),
        (
            of_events(GROUPED, events_masked=9),
            "masked: Groups leaves out their detectors",
        ),
        (of_events(BOTH, events_masked=9), "Mask and Groups leave out their detectors"),
        (
            of_events(events_masked=9, monitor_counts=9),
            "all events are of monitors (MonitorCounts_RBV), none of detectors",
        ),
        (of_events(MASKED, events_masked=9, monitor_counts=9), "all events are of monitors"),
        (
            of_events(SLICED, events_filtered=9, events_masked=1),
            "most events are filtered: pressure is outside 2 to 5 in their pulses, or has no value",
        ),
        (of_events(INVERTED, events_filtered=9), "pressure is inside 2 to 5 in their pulses"),
        (
            of_events(events_filtered=9, gaps=(PAUSE,)),
            "most events are filtered: their pulses came in a pause",
        ),
        (
            of_events(events_filtered=9, gaps=(IDLE,)),
            "most events are filtered: their pulses came when nothing was acquired",
        ),
        (
            of_events(SLICED, events_filtered=9, gaps=(PAUSE,), pulses=3),
            "pressure is outside 2 to 5 in their pulses, or has no value, or their pulses came in a"
            " pause",
        ),
        (
            of_events(SLICED, events_filtered=9, gaps=(PAUSE,)),
            "most events are filtered: their pulses came in a pause",
        ),
        (
            of_events(INVERTED, events_filtered=9, gaps=(IDLE,)),
            "most events are filtered: their pulses came when nothing was acquired",
        ),
    ],
)
def test_where_the_events_are_is_told_when_none_is_in_the_spectrum(
    said: RanksReport, words: str
) -> None:
    (text,) = empty_spectra(said)
    assert text.startswith("Red1: the spectrum is empty: ")
    assert words in text


@pytest.mark.parametrize("counted", [{"events_binned": 1, "events_masked": 9}, {}])
def test_nothing_is_said_of_a_spectrum_with_events_or_of_one_without_any_events(
    counted: dict[str, Any],
) -> None:
    assert list(empty_spectra(of_events(**counted))) == []


class Quiet:
    """A health whose ranks report that no event has come, by a clock of the test."""

    def __init__(self) -> None:
        self.now_s, self.source = 0.0, ""
        self.health = Health(clock=lambda: self.now_s, source_remark=lambda: self.source)

    def message(self, after_s: float, **stream: Any) -> str:
        self.now_s += after_s
        said = replace(of_events(), stream=StreamStatus(**stream))
        self.health.reported(said, current=True)
        summary = self.health.summary
        assert (summary.status is OverallStatus.OK) == (not summary.message)
        return summary.message


def test_that_no_event_has_come_is_told_after_a_while() -> None:
    quiet = Quiet()
    assert quiet.message(0) == quiet.message(QUIET_S - 0.1) == ""
    assert quiet.message(0.1) == "the spectrum is empty: no pulses come"
    quiet.source = ": Sim:Pause is Pause"
    assert quiet.message(1) == "the spectrum is empty: no pulses come: Sim:Pause is Pause"
    assert quiet.message(1, event_total=5, pulse_rate=14.0) == ""
    assert quiet.message(1) == ""  # a reset: a new while begins
    assert quiet.message(9, pulse_rate=14.0) == "the spectrum is empty: pulses have no events"


def test_where_events_are_is_still_told_when_a_report_has_no_results() -> None:
    health = Health()
    health.reported(replace(of_events(events_invalid=9), stream=StreamStatus(9)), current=True)
    health.reported(replace(of_events(), results=(), stream=StreamStatus(9)), current=True)
    assert "most events are invalid" in health.summary.message

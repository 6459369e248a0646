"""Why a spectrum is empty, in words."""

from __future__ import annotations

from collections.abc import Iterator

from reduction.control.reports import RanksReport, ReductionResult


def empty_spectra(report: RanksReport) -> Iterator[str]:
    """What is to be said of each reduction whose spectrum is empty though events came."""
    for number, result in enumerate(report.results, start=1):
        if not result.status.events_binned and (why := _where_events_are(report, result)):
            yield f"Red{number}: the spectrum is empty: {why}"


def _where_events_are(report: RanksReport, result: ReductionResult) -> str:
    """Where most events are; empty if there are none."""
    status = result.status
    most, where = max(
        (
            (status.events_out_of_range, "most events are out of range: choose other bins or unit"),
            (status.events_masked, _why_masked(result)),
            (status.events_filtered, f"most events are filtered: {_why_filtered(report, result)}"),
            (status.events_invalid, "most events are invalid: see EventsBadPixel, EventsBadTime"),
        ),
        key=lambda each: each[0],
    )
    return where if most else ""


def _why_masked(result: ReductionResult) -> str:
    status, detectors = result.status, result.order.settings.detectors
    monitors = max(status.monitor_counts, sum(result.monitor_counts))
    chosen = detectors.mask or detectors.groups
    if status.events_masked <= monitors or not chosen:
        return "all events are of monitors (MonitorCounts_RBV), none of detectors"
    if detectors.mask and detectors.groups:
        return "most events are masked: Mask and Groups leave out their detectors"
    name = "Mask" if detectors.mask else "Groups"
    return f"most events are masked: {name} leaves out their detectors"


def _why_filtered(report: RanksReport, result: ReductionResult) -> str:
    slices, gaps = result.order.settings.filter, report.run.gaps
    reasons = []
    if slices.log and (report.acquisition.pulses or not gaps):  # else none was compared with slices
        place = "inside" if slices.invert else "outside"
        bounds = f"{slices.minimum:g} to {slices.maximum:g}"
        reasons.append(f"{slices.log} is {place} {bounds} in their pulses, or has no value")
    if any(gap.paused for gap in gaps):
        reasons.append("their pulses came in a pause")
    if any(not gap.paused for gap in gaps):
        reasons.append("their pulses came when nothing was acquired")
    return ", or ".join(reasons) or "their pulses do not count"

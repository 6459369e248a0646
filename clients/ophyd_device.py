"""The live reduction as an ophyd device, for plans of bluesky.

The body of each class lists its process variables, which
docs/reference/process-variables.md describes.
"""

from __future__ import annotations

import threading
from typing import Any

from ophyd import (
    Component,
    Device,
    DynamicDeviceComponent,
    EpicsSignal,
    EpicsSignalRO,
    EpicsSignalWithRBV,
    Kind,
)
from ophyd.status import Status

LONGEST_PUT_S = 40.0
"""Longest wait for a put. The IOC takes a change back that is not obeyed within 30 s."""

LONGEST_STRING = 39
"""Most characters of an EPICS string."""

REGIONS, PEAKS = 8, 4
"""How many regions and peaks a reduction has."""


class Setting(EpicsSignalWithRBV):
    """A setting; a ``set`` is done when it has taken effect, and fails if it is refused.

    ophyd's own ``set`` waits until the readback equals the value, for ever if it is refused, or if
    pyepics reads a text without its last blanks.
    """

    def put(self, value: Any, **options: Any) -> None:
        """Put a value; raises `ValueError` for a text longer than the process variable carries."""
        self.wait_for_connection()
        pv = self._write_pv
        if isinstance(value, str) and "enum" not in pv.type:
            most = pv.nelm - 1 if "char" in pv.type else LONGEST_STRING  # a NUL follows
            if len(value) > most:
                raise ValueError(f"{pv.pvname}: {len(value)} characters; it carries {most}")
        super().put(value, **options)

    def _set_and_wait(self, value: Any, timeout: float | None, **options: Any) -> None:
        done = threading.Event()
        self.put(value, use_complete=True, callback=lambda **_: done.set(), **options)
        if not done.wait(timeout or LONGEST_PUT_S):
            raise TimeoutError(f"{self.setpoint_pvname} {value}: no effect in time")
        # pyepics does not tell whether a put has failed, but the setpoint is then in alarm.
        if self._write_pv.get_with_metadata(form="time", use_monitor=False)["severity"]:
            raise ValueError(self._refusal() or f"{self.setpoint_pvname} {value}: refused")

    def _refusal(self) -> str:
        """Why the last put was refused; empty if that was one to another name."""
        device = self.parent
        while device is not None and not isinstance(device, LiveReduction):
            device = device.parent
        if device is None:
            return ""
        told = f"{device.prefix}{device.refusal.get(use_monitor=False)}"
        return told if told.startswith(f"{self.setpoint_pvname}: ") else ""


class Window(Device):
    """An interval of the axis, in its unit; it is not used if both ends are 0."""

    min = Component(Setting, "Min", kind="config")
    max = Component(Setting, "Max", kind="config")

    @property
    def used(self) -> bool:
        return bool(self.max.get() > self.min.get())


class Region(Window):
    """The counts in an interval of the axis, and those above the background."""

    total = Component(EpicsSignalRO, "Total_RBV", kind="hinted")
    error = Component(EpicsSignalRO, "Error_RBV", kind="hinted")
    net = Component(EpicsSignalRO, "Net_RBV", kind="normal")
    net_error = Component(EpicsSignalRO, "NetError_RBV", kind="normal")


class Peak(Window):
    """A peak on a straight background; NaN if there is none."""

    centre = Component(EpicsSignalRO, "Centre_RBV", kind="hinted")
    centre_error = Component(EpicsSignalRO, "CentreErr_RBV", kind="normal")
    fwhm = Component(EpicsSignalRO, "FWHM_RBV", kind="normal")
    fwhm_error = Component(EpicsSignalRO, "FWHMErr_RBV", kind="normal")


class LiveReduction(Device):
    """Counts at each point to the preset that ``stage_sigs`` gives.

    >>> live = LiveReduction("LIVE:", name="live")              # doctest: +SKIP
    >>> live.stage_sigs.update(preset="Pulses", preset_pulses=100)  # doctest: +SKIP

    It reads the regions and peaks that have a window when it is staged. After a scan the live
    reduction is idle.
    """

    refusal = Component(EpicsSignalRO, "Refusal_RBV", string=True, kind="omitted")
    acquire = Component(EpicsSignal, "Acquire", put_complete=True, kind="omitted")
    acquiring = Component(EpicsSignalRO, "Acquire_RBV", kind="omitted")
    hold = Component(Setting, "Pause", string=True, kind="omitted")
    mode = Component(Setting, "AccumulationMode", string=True, kind="config")
    preset = Component(Setting, "Preset", string=True, kind="config")
    acquire_time = Component(Setting, "AcquireTime", kind="config")
    preset_pulses = Component(Setting, "PresetPulses", kind="config")
    preset_counts = Component(Setting, "PresetCounts", kind="config")
    preset_rel_error = Component(Setting, "PresetRelError", kind="config")
    preset_region = Component(Setting, "PresetRegion", kind="config")
    units = Component(Setting, "Red1:Units", string=True, kind="config")
    bin_params = Component(Setting, "Red1:BinParams", string=True, kind="config")

    total = Component(EpicsSignalRO, "Red1:Spec:Total_RBV", kind="hinted")
    pulses = Component(EpicsSignalRO, "PulsesAccumulated_RBV", kind="normal")
    generation = Component(EpicsSignalRO, "Red1:Generation_RBV", kind="normal")
    regions = DynamicDeviceComponent(
        {f"roi{n}": (Region, f"Red1:ROI{n}:", {}) for n in range(1, REGIONS + 1)}
    )
    peaks = DynamicDeviceComponent(
        {f"peak{n}": (Peak, f"Red1:Peak{n}:", {}) for n in range(1, PEAKS + 1)}
    )

    def stage(self) -> list[object]:
        """Stop a running acquisition and set ``stage_sigs``.

        Raises `ValueError` if no preset would end a point.
        """
        self.stop()
        self.stage_sigs.update(hold="Run", mode="SinceReset")
        staged: list[object] = super().stage()
        for each in (*self.regions.walk_subdevices(), *self.peaks.walk_subdevices()):
            each[1].kind = Kind.hinted if each[1].used else Kind.omitted
        if self.preset.get() == "None":
            self.unstage()
            raise ValueError(f"{self.name}: set stage_sigs['preset'], or a point never ends")
        return staged

    def trigger(self) -> Status:
        """Start a new acquisition; done when it has reached the preset and its result is posted."""
        return self.acquire.set(1)

    def stop(self, *, success: bool = False) -> None:
        """End the acquisition; its counts stay."""
        self.acquire.put(0)
        super().stop(success=success)

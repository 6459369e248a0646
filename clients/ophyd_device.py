"""The live reduction as an ophyd device, for plans of bluesky.

The body of each class lists its process variables, which
docs/reference/process-variables.md describes.
"""

from __future__ import annotations

from ophyd import Component, Device, DynamicDeviceComponent, EpicsSignal, EpicsSignalRO, Kind
from ophyd import EpicsSignalWithRBV as Setting
from ophyd.status import Status

LONGEST_STRING = 39
"""Most characters of an EPICS string."""

REGIONS, PEAKS = 8, 4
"""How many regions and peaks a reduction has."""


class TextSetting(Setting):
    """A text to set; one that is longer than the process variable carries is an error."""

    def put(self, value: str, **options: object) -> None:
        pv = self._write_pv
        most = pv.nelm if "char" in pv.type else LONGEST_STRING
        if len(str(value)) > most:
            raise ValueError(f"{pv.pvname}: {len(str(value))} characters; it carries {most}")
        super().put(value, **options)


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
    bin_params = Component(TextSetting, "Red1:BinParams", string=True, kind="config")

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

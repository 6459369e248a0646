"""The live reduction as an ophyd-async device, for plans of bluesky.

The body of each class lists its process variables, which
docs/reference/process-variables.md describes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated as A

from bluesky.protocols import Stoppable, Triggerable
from ophyd_async.core import (
    AsyncStatus,
    DeviceVector,
    SignalR,
    SignalRW,
    StandardReadable,
    StrictEnum,
)
from ophyd_async.core import StandardReadableFormat as Format
from ophyd_async.epics.core import EpicsDevice, PvSuffix

# Values are read when asked for: a monitored one may be older than the completion of Acquire.
HINTED, NORMAL = Format.HINTED_UNCACHED_SIGNAL, Format.UNCACHED_SIGNAL


class Hold(StrictEnum):
    """Whether the accumulation is paused."""

    RUN = "Run"
    PAUSE = "Pause"


class Mode(StrictEnum):
    """The pulses that are in the spectra."""

    SINCE_RESET = "SinceReset"
    WINDOW = "Window"
    FADING = "Fading"


class Preset(StrictEnum):
    """What ends an acquisition."""

    NONE = "None"
    TIME = "Time"
    PULSES = "Pulses"
    COUNTS = "Counts"
    REL_ERROR = "RelError"


class Units(StrictEnum):
    """The unit of the axis."""

    TOF = "TOF"
    WAVELENGTH = "Wavelength"
    D_SPACING = "dSpacing"
    MOMENTUM_TRANSFER = "MomentumTransfer"
    ENERGY = "Energy"


class Region(StandardReadable, EpicsDevice):
    """The counts in an interval of the axis, and those above the background."""

    min: A[SignalRW[float], PvSuffix.rbv("Min"), Format.CONFIG_SIGNAL]
    max: A[SignalRW[float], PvSuffix.rbv("Max"), Format.CONFIG_SIGNAL]
    total: A[SignalR[float], PvSuffix("Total_RBV"), HINTED]
    error: A[SignalR[float], PvSuffix("Error_RBV"), HINTED]
    net: A[SignalR[float], PvSuffix("Net_RBV"), NORMAL]
    net_error: A[SignalR[float], PvSuffix("NetError_RBV"), NORMAL]


class Peak(StandardReadable, EpicsDevice):
    """A peak on a straight background; NaN if there is none."""

    min: A[SignalRW[float], PvSuffix.rbv("Min"), Format.CONFIG_SIGNAL]
    max: A[SignalRW[float], PvSuffix.rbv("Max"), Format.CONFIG_SIGNAL]
    centre: A[SignalR[float], PvSuffix("Centre_RBV"), HINTED]
    centre_error: A[SignalR[float], PvSuffix("CentreErr_RBV"), NORMAL]
    fwhm: A[SignalR[float], PvSuffix("FWHM_RBV"), NORMAL]
    fwhm_error: A[SignalR[float], PvSuffix("FWHMErr_RBV"), NORMAL]


class LiveReduction(StandardReadable, EpicsDevice, Triggerable, Stoppable):
    """Counts to the preset at each point; reads also the given ``regions`` and ``peaks``.

    Set the preset before a scan: ``bps.mv(live.preset, Preset.PULSES, live.preset_pulses, 100)``.
    After a scan the live reduction is idle.
    """

    # No command of ophyd-async but a number: 1 starts, and completes at the preset; 0 stops.
    acquire: A[SignalRW[bool], PvSuffix("Acquire")]
    hold: A[SignalRW[Hold], PvSuffix.rbv("Pause")]
    mode: A[SignalRW[Mode], PvSuffix.rbv("AccumulationMode"), Format.CONFIG_SIGNAL]
    preset: A[SignalRW[Preset], PvSuffix.rbv("Preset"), Format.CONFIG_SIGNAL]
    acquire_time: A[SignalRW[float], PvSuffix.rbv("AcquireTime"), Format.CONFIG_SIGNAL]
    preset_pulses: A[SignalRW[int], PvSuffix.rbv("PresetPulses"), Format.CONFIG_SIGNAL]
    preset_counts: A[SignalRW[float], PvSuffix.rbv("PresetCounts"), Format.CONFIG_SIGNAL]
    preset_rel_error: A[SignalRW[float], PvSuffix.rbv("PresetRelError"), Format.CONFIG_SIGNAL]
    preset_region: A[SignalRW[int], PvSuffix.rbv("PresetRegion"), Format.CONFIG_SIGNAL]
    units: A[SignalRW[Units], PvSuffix.rbv("Red1:Units"), Format.CONFIG_SIGNAL]
    bin_params: A[SignalRW[str], PvSuffix.rbv("Red1:BinParams"), Format.CONFIG_SIGNAL]

    total: A[SignalR[float], PvSuffix("Red1:Spec:Total_RBV"), HINTED]
    pulses: A[SignalR[int], PvSuffix("PulsesAccumulated_RBV"), NORMAL]
    generation: A[SignalR[int], PvSuffix("Red1:Generation_RBV"), NORMAL]

    def __init__(
        self, prefix: str, name: str = "", regions: Iterable[int] = (), peaks: Iterable[int] = ()
    ) -> None:
        with self.add_children_as_readables():
            self.regions = DeviceVector({n: Region(f"{prefix}Red1:ROI{n}:") for n in regions})
            self.peaks = DeviceVector({n: Peak(f"{prefix}Red1:Peak{n}:") for n in peaks})
        super().__init__(prefix=prefix, name=name)

    @AsyncStatus.wrap
    async def stage(self) -> None:
        """Stop a running acquisition; raises `ValueError` if no preset would end a point."""
        if await self.preset.get_value() is Preset.NONE:
            raise ValueError(f"{self.name}: set a preset, or a point never ends")
        await self.acquire.set(False)
        await self.hold.set(Hold.RUN)
        await self.mode.set(Mode.SINCE_RESET)
        await super().stage()

    @AsyncStatus.wrap
    async def trigger(self) -> None:
        """Start a new acquisition; done when it has reached the preset and its result is posted."""
        await self.acquire.set(True, timeout=None)

    async def stop(self, success: bool = True) -> None:  # noqa: ARG002
        """End the acquisition; its counts stay."""
        await self.acquire.set(False)

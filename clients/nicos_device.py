"""The live reduction in NICOS: a detector, ``count(live, pulses=100)``, and settings to move.

NICOS's own devices put a value and do not wait for completion. A setpoint of the live reduction
shows a new value only after the value has taken effect, so these devices would read the old value
as the target. The devices here wait for completion.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from nicos.core import SIMULATION, Measurable, Param, Value, status

try:
    from nicos.devices.epics import (
        EpicsAnalogMoveable,
        EpicsDevice,
        EpicsMappedMoveable,
        EpicsReadable,
    )
except ImportError:  # NICOS 3.12
    from nicos.devices.epics.pva import (
        EpicsAnalogMoveable,
        EpicsDevice,
        EpicsMappedMoveable,
        EpicsReadable,
    )

PRESETS = {
    "t": ("Time", "AcquireTime"),
    "pulses": ("Pulses", "PresetPulses"),
    "counts": ("Counts", "PresetCounts"),
    "error": ("RelError", "PresetRelError"),
}
"""The arguments of ``count``: the kind of preset, and the process variable of its value."""

VALUES = {
    "total": ("Red1:Spec:Total_RBV", "counter", "cts"),
    "pulses": ("PulsesAccumulated_RBV", "monitor", ""),
    "region": ("Red1:ROI1:Total_RBV", "counter", "cts"),
    "region_error": ("Red1:ROI1:Error_RBV", "error", "cts"),
    "centre": ("Red1:Peak1:Centre_RBV", "other", ""),
    "centre_error": ("Red1:Peak1:CentreErr_RBV", "error", ""),
}
"""The values that are read at the end: process variable, kind and unit of each."""


LONGEST_PUT_S = 40.0
"""Longest wait for a put. The IOC takes a change back that is not obeyed within 30 s.

A refused put also ends in a timeout: NICOS's Channel Access client ignores the answer of a refusal.
"""


LONGEST_COUNT_S = 1e7
"""Longest wait for the end of a count, four months: without a limit NICOS 3.13 does not wait."""


class _PutAndWait(EpicsDevice):
    def put_and_wait(self, pv: str, value: float | str, longest_s: float = LONGEST_PUT_S) -> None:
        """Put a value, and return when it has taken effect; raises `TimeoutError`."""
        if hasattr(EpicsDevice, "_put_pv_blocking"):  # NICOS 3.12
            self._put_pv_blocking(pv, value, timeout=longest_s)
        else:
            self._put_pv(pv, value, timeout=longest_s)


class Reading(EpicsReadable):
    """A number to read."""


class _Target(_PutAndWait):
    def doStart(self, value: float | str) -> None:  # noqa: N802
        self.put_and_wait("writepv", value)


class Setting(_Target, EpicsAnalogMoveable):
    """A number to move; a move ends when the value has taken effect, or raises."""


class Choice(_Target, EpicsMappedMoveable):
    """One of several words to move; a move ends when it has taken effect, or raises."""


class LiveReduction(_PutAndWait, Measurable):
    """Counts to a preset; the put to ``Acquire`` completes when the final result is posted."""

    parameters = {  # noqa: RUF012, NICOS reads them of the class
        "pvprefix": Param("Start of every PV name", type=str, mandatory=True, userparam=False),
    }

    hardware_access = True
    _counting: Future[None] | None = None

    def doInit(self, mode: str) -> None:  # noqa: N802
        if mode != SIMULATION:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=self.name)

    def doShutdown(self) -> None:  # noqa: N802
        self._thread.shutdown(wait=False)

    def _get_pv_parameters(self) -> set[str]:
        presets = {value for _, value in PRESETS.values()}
        return {"Acquire", "Preset", *presets, *(pv for pv, _, _ in VALUES.values())}

    def _get_pv_name(self, pvparam: str) -> str:
        return f"{self.pvprefix}{pvparam}"

    def presetInfo(self) -> set[str]:  # noqa: N802
        return set(PRESETS)

    def doSetPreset(self, **preset: float) -> None:  # noqa: N802
        for name in PRESETS.keys() & preset.keys():
            kind, value = PRESETS[name]
            self.put_and_wait(value, preset[name])
            self.put_and_wait("Preset", kind)
            self._lastpreset = {name: preset[name]}

    def doStart(self) -> None:  # noqa: N802
        self.put_and_wait("Acquire", "Done")
        self._counting = self._thread.submit(
            self.put_and_wait, "Acquire", "Acquire", LONGEST_COUNT_S
        )

    def doFinish(self) -> None:  # noqa: N802
        self.doStop()

    def doStop(self) -> None:  # noqa: N802
        if self._counting is not None and not self._counting.done():
            self.put_and_wait("Acquire", "Done")

    def doStatus(self, maxage: float = 0) -> tuple[int, str]:  # noqa: N802, ARG002
        if self._counting is None:
            return status.OK, "idle"
        if not self._counting.done():
            return status.BUSY, "counting"
        error = self._counting.exception()
        return (status.ERROR, str(error)) if error else (status.OK, "idle")

    def doRead(self, maxage: float = 0) -> list[float]:  # noqa: N802, ARG002
        return [float(self._get_pv(pv)) for pv, _, _ in VALUES.values()]

    def valueInfo(self) -> tuple[Value, ...]:  # noqa: N802
        return tuple(
            Value(f"{self.name}.{name}", unit=unit, type=kind, fmtstr="%.6g")
            for name, (_, kind, unit) in VALUES.items()
        )

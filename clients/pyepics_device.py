"""The live reduction for scripts with pyepics: gets and puts that raise when they fail."""

from __future__ import annotations

import time
from typing import Any

import epics

LONGEST_PUT_S = 40.0
"""Longest wait for a put. The IOC takes a change back that is not obeyed within 30 s."""

POLL_PERIOD_S = 0.05


class LiveReduction:
    """The process variables whose names begin with ``prefix``, by the rest of their names."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def get(self, name: str) -> Any:
        """The present value: a number, an array, or text for choices and texts."""
        pv = self._pv(name)
        words = "enum" in pv.type or "char" in pv.type
        value = pv.get(as_string=words, use_monitor=False)
        if value is None:
            raise TimeoutError(f"{pv.pvname} does not answer")
        return value

    def put(self, name: str, value: Any, longest_s: float = LONGEST_PUT_S) -> None:
        """Put a value, and return when it has taken effect.

        Raises `ValueError` with the reason if it is refused, or is a text that does not fit, which
        pyepics would cut without a word. Raises `TimeoutError` if it takes too long. A setting that
        only fits with others, such as ``Red1:Filter:Min``, is taken, and takes effect with them;
        ``Pending_RBV`` says what is missing.
        """
        pv = self._pv(name)
        if isinstance(value, str) and "char" in pv.type and len(value) >= pv.nelm:
            raise ValueError(f"{pv.pvname}: {len(value)} characters; the most is {pv.nelm - 1}")
        if pv.put(value, wait=True, timeout=longest_s) != 1:
            raise TimeoutError(f"{pv.pvname} {value}: no effect within {longest_s:g} s")
        # pyepics does not tell whether a put has failed, but the setpoint is then in alarm.
        if self.get(f"{name}.SEVR") != "NO_ALARM":
            raise ValueError(self._refusal(name) or f"{pv.pvname} {value}: refused")

    def _refusal(self, name: str) -> str:
        """Why the last put was refused; empty if that was one to another name."""
        told = self.get("Refusal_RBV")
        return f"{self._prefix}{told}" if told.startswith(f"{name}: ") else ""

    def begin(self, name: str) -> None:
        """Give a command without waiting for its completion."""
        self._pv(name).put(1)

    def wait_for(self, name: str, value: str) -> None:
        """Wait until a choice has a value, without a limit of time."""
        while self.get(name) != value:
            time.sleep(POLL_PERIOD_S)

    def _pv(self, name: str) -> epics.PV:
        pv = epics.get_pv(f"{self._prefix}{name}", connect=True)
        if not pv.connected:
            raise ConnectionError(f"{pv.pvname}: no IOC serves it; is EPICS_CA_ADDR_LIST set?")
        return pv

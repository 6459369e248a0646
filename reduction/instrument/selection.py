"""Which detectors count, and in which group: masks and groups by ids and banks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from reduction.parameters.limits import MOST_GROUPS
from reduction.parameters.reduction import DetectorSettings
from reduction.parameters.specs import Refused, nearest

BANKS = "banks"
"""The word that, as the setting Groups, makes each bank of the instrument a group."""


def detector_groups(settings: DetectorSettings, instrument: Instrument) -> NDArray[np.int32]:
    """The group of each detector, (detectors,) int32; `MASKED` for detectors that are left out.

    Raises `Refused` for a word that is no id, range or bank, for a range without detectors, for a
    detector in two groups, and for more than `MOST_GROUPS` groups.
    """
    group = np.zeros(instrument.detector_id.size, np.int32)
    if settings.groups:
        group[:] = MASKED
        texts = group_names(settings)
        if len(texts) > MOST_GROUPS:
            why = f"{len(texts)} groups; the limit is {MOST_GROUPS}"
            raise Refused("Groups", settings.groups, why)
        for number, text in enumerate(texts):
            here = _selected("Groups", text, instrument)
            if np.any(group[here] != MASKED):
                twice = instrument.detector_id[here & (group != MASKED)][0]
                raise Refused("Groups", settings.groups, f"detector {twice} is in two groups")
            group[here] = number
    if settings.mask:
        group[_selected("Mask", settings.mask, instrument)] = MASKED
    return group


def group_names(settings: DetectorSettings) -> tuple[str, ...]:
    """The names of the groups: as they are written, or of the banks; ``all`` without groups."""
    if settings.groups == BANKS and settings.banks:
        return settings.banks
    return (
        tuple(text.strip() for text in settings.groups.split(";")) if settings.groups else ("all",)
    )


def _selected(pv: str, text: str, instrument: Instrument) -> NDArray[np.bool_]:
    """The detectors, (detectors,) bool, that a text like ``0:15,bank7,400`` names; no monitors."""
    selected = np.zeros(instrument.detector_id.size, np.bool_)
    for word in (each.strip() for each in text.split(",")):
        try:
            here = _named(word, instrument) & ~instrument.is_monitor
        except ValueError:
            hint = nearest(word, instrument.bank_names)
            why = f"{word!r} is no detector id or range a:b, and no bank of {instrument.name}"
            raise Refused(pv, text, why + hint) from None
        if not here.any():
            pixels = instrument.detector_id[~instrument.is_monitor]
            limits = f"ids from {pixels.min()} to {pixels.max()}"
            raise Refused(pv, text, f"no detector in {word}; {instrument.name} has {limits}")
        selected |= here
    return selected


def _named(word: str, instrument: Instrument) -> NDArray[np.bool_]:
    """The detectors, (detectors,) bool, of a bank, range or id; raises ValueError if it is none."""
    if word in instrument.bank_names:
        of_bank: NDArray[np.bool_] = instrument.bank == instrument.bank_names.index(word)
        return of_bank
    low, colon, high = word.partition(":")
    first, last = int(low), int(high if colon else low)
    return (instrument.detector_id >= first) & (instrument.detector_id <= last)


MASKED = -1
"""Group of a detector that is left out."""

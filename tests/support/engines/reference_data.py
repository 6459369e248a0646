"""The data that Mantid computed, as the tests read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import MASKED

FOLDER = Path(__file__).parents[2] / "reference" / "mantid"
MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
NAMES = ("arc", "panels")


@dataclass(frozen=True, eq=False)
class Events:
    pixel_id: Any
    tof_ns: Any
    pulse: Any
    pulse_time_unix_ns: Any


@cache
def table(file: str) -> dict[str, Any]:
    with np.load(FOLDER / f"{file}.npz") as arrays:
        return dict(arrays)


@cache
def instrument(name: str) -> Instrument:
    return Instrument.load(FOLDER / f"geometry_{name}.npz")


@cache
def events(name: str) -> Events:
    columns = table(f"events_{name}")
    return Events(**{key: columns[key] for key in Events.__dataclass_fields__})


def histogram(case: dict[str, Any], what: str) -> Any:
    return table(f"histograms_{case['instrument']}")[f"{case['key']}/{what}"]


def groups(case: dict[str, Any]) -> Any:
    """The group of each detector that gives a case's one spectrum."""
    ids = instrument(case["instrument"]).detector_id
    group = np.zeros(ids.size, np.int32)
    if "detector_ids" in case:
        group[~np.isin(ids, case["detector_ids"])] = MASKED
    group[np.isin(ids, case.get("masked_detector_ids", []))] = MASKED
    return group

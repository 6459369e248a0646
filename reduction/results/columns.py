"""Columns: arrays that hold one number of every spectrum of a family, one value for each spectrum.

A dataclass of readings declares each number once, with its spec. The columns are made from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from reduction.parameters.fields import specs_of
from reduction.parameters.specs import Array, Float
from reduction.results.arrays import FloatArray

Columns = Mapping[str, FloatArray]
"""Arrays (spectra,) float64 by the name of the field that holds the number in the readings."""


def column_specs(kind: type[Any], most: int, details: str = "") -> Iterator[tuple[str, Array]]:
    """Field and spec of each column of a dataclass of readings, for at most ``most`` spectra.

    Only `Float` fields have columns. ``details`` are appended to the details of the field's spec.
    """
    for name, spec in specs_of(kind):
        if isinstance(spec, Float):
            yield (
                name,
                Array(
                    pv=spec.pv,
                    description=spec.description,
                    details=" ".join(filter(None, (spec.details, details))),
                    units=spec.units,
                    precision=spec.precision,
                    most=most,
                ),
            )


def columns_of(kind: type[Any], readings: Sequence[Any]) -> Columns:
    """The columns of ``readings``, which are instances of the dataclass ``kind``."""
    names = [name for name, spec in specs_of(kind) if isinstance(spec, Float)]
    # Each reading is looked up once: a lazy sequence makes it again at every access.
    rows = np.array([[getattr(each, name) for name in names] for each in readings], np.float64)
    columns = rows.reshape(-1, len(names)).T
    return MappingProxyType(dict(zip(names, columns, strict=True)))

"""Declares dataclass fields with specs, checks their values, and lists them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from reduction.parameters.specs import Spec


def parameter(spec: Spec, default: Any) -> Any:
    """A dataclass field with a spec and a default."""
    return dataclasses.field(default=default, metadata={"spec": spec})


def reading(spec: Spec, default: Any = 0) -> Any:
    """A dataclass field for a reading, which is only read."""
    return parameter(spec, default)


def specs_of(of: Any) -> Iterator[tuple[str, Spec]]:
    """Name and spec of each field of a dataclass, or of an instance of one, that has a spec."""
    for each in dataclasses.fields(of):
        if "spec" in each.metadata:
            yield each.name, each.metadata["spec"]


def default_of(of: Any, name: str) -> Any:
    """The default of the field ``name`` of a dataclass."""
    return next(each.default for each in dataclasses.fields(of) if each.name == name)


class Settings:
    """Base of frozen settings: the values of all fields with a spec are checked on construction."""

    def __post_init__(self) -> None:
        for name, spec in specs_of(self):
            object.__setattr__(self, name, spec.checked(getattr(self, name)))
        self.check()

    def check(self) -> None:
        """Check what concerns more than one field; raises `reduction.parameters.specs.Refused`."""

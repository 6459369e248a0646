"""Declares dataclass fields with specs, checks their values, and lists them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

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

    TOGETHER: ClassVar[tuple[frozenset[str], ...]] = ()
    """Sets of fields that only make sense together.

    Clients put them one by one, in any order. `check` raises
    `reduction.parameters.specs.Misfit` if they do not fit each other.
    """

    def __post_init__(self) -> None:
        for name, spec in specs_of(self):
            object.__setattr__(self, name, spec.checked(getattr(self, name)))
        self.check()

    def check(self) -> None:
        """Check what concerns more than one field; raises `reduction.parameters.specs.Refused`."""


def put_with(of: type[Any], name: str) -> frozenset[str]:
    """The fields of ``of`` that only make sense together with the field ``name``, and itself.

    Empty for a field that makes sense alone.
    """
    together: tuple[frozenset[str], ...] = getattr(of, "TOGETHER", ())
    return next((fields for fields in together if name in fields), frozenset())

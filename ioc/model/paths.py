"""Addresses of values in the order of a part of the program, or in its readings."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

ValueT = TypeVar("ValueT")


class Part(enum.StrEnum):
    """The three parts of the program: each obeys its order, and has its readings.

    The values are the names in messages.
    """

    RANKS = "ranks"
    SIMULATOR = "simulator"
    IOC = "IOC"


class DerivedView(Protocol):
    """A dataclass that is computed from another value and can be written back into it.

    ``Segment`` is one: BinMin, BinStep and BinMax, computed from BinParams.
    """

    @classmethod
    def of(cls, value: Any) -> Self:
        """The view of ``value``."""

    def onto(self, value: Any) -> Any:
        """A copy of ``value`` that is changed so that its view equals this one."""


PathStep = str | int | type[DerivedView]
Path = tuple[PathStep, ...]
"""Steps from a frozen dataclass to a value in it.

A step is the name of a field (or the key of a mapping), an index into a tuple, or the class of a
`DerivedView` of the value reached so far.
"""


@dataclass(frozen=True)
class ValuePath:
    """The address of a value: a part of the program, and a path.

    The path of a setting or a command leads into the order of the part. The path of a reading leads
    into the readings that are computed from the report of the part.
    """

    part: Part
    path: Path = ()

    def __truediv__(self, step: PathStep) -> ValuePath:
        return ValuePath(self.part, (*self.path, step))

    @property
    def is_derived(self) -> bool:
        """Whether the value is in a `DerivedView`: it shows another value in another way."""
        return any(isinstance(step, type) for step in self.path)

    @property
    def depth(self) -> int:
        """The number of steps of the path."""
        return len(self.path)

    def below(self, root: ValuePath) -> Path | None:
        """The path from ``root`` to this address; None if this address is not below ``root``."""
        below = self.part is root.part and self.path[: root.depth] == root.path
        return self.path[root.depth :] if below else None


def value_at(value: Any, path: Path) -> Any:
    """The value that ``path`` leads to from ``value``.

    Raises IndexError if an index is beyond the end of its tuple.
    """
    for step in path:
        match step:
            case str():
                value = value[step] if isinstance(value, Mapping) else getattr(value, step)
            case int():
                value = value[step]
            case view:
                value = view.of(value)
    return value


def with_value(value: ValueT, path: Path, new: Any) -> ValueT:
    """A copy of ``value`` with ``new`` where ``path`` leads.

    All dataclasses on the path are constructed anew, which checks them: raises what they raise.
    """
    changed: ValueT = _replaced(value, path, new)
    return changed


def with_fields(value: ValueT, path: Path, fields: Mapping[str, Any]) -> ValueT:
    """A copy of ``value`` with several fields of the dataclass at ``path`` changed together."""
    return with_value(value, path, dataclasses.replace(value_at(value, path), **fields))


def _replaced(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    step, *rest = path
    inner = _replaced(value_at(value, (step,)), tuple(rest), new)
    match step:
        case str():
            return dataclasses.replace(value, **{step: inner})
        case int():
            return (*value[:step], inner, *value[step + 1 :])
        case _:
            return inner.onto(value)

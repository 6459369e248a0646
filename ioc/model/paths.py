"""Places: where something stands in what a process obeys or in what is shown of it."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

T = TypeVar("T")


class Part(enum.StrEnum):
    """The processes behind the IOC, and itself."""

    RANKS = "back end"
    SIMULATOR = "simulator"
    IOC = "IOC"


class Projection(Protocol):
    """A dataclass that shows another value in its own way."""

    @classmethod
    def of(cls, value: Any) -> Self:
        """How it shows ``value``."""

    def onto(self, value: Any) -> Any:
        """``value`` changed so that it shows like this."""


PathStep = str | int | type[Projection]
Path = tuple[PathStep, ...]
"""From a frozen value into it: by field or key, by index into a tuple, or to a face of it."""


@dataclass(frozen=True)
class ValuePath:
    """A path into a part's order or, for readings, into the view of its report."""

    part: Part
    path: Path = ()

    def __truediv__(self, step: PathStep) -> ValuePath:
        return ValuePath(self.part, (*self.path, step))

    def below(self, root: ValuePath) -> Path | None:
        """The path from ``root`` to here; None if it does not lead here."""
        steps = len(root.path)
        here = self.part is root.part and self.path[:steps] == root.path
        return self.path[steps:] if here else None


def value_at(whole: Any, path: Path) -> Any:
    """What stands at ``path`` in ``whole``; raises IndexError beyond the end of a tuple."""
    for step in path:
        match step:
            case str() if isinstance(whole, Mapping):
                whole = whole[step]
            case str():
                whole = getattr(whole, step)
            case int():
                whole = whole[step]
            case face:
                whole = face.of(whole)
    return whole


def with_value(whole: T, path: Path, new: Any) -> T:
    """``whole`` with ``new`` at ``path``; frozen values on the way are made and checked anew."""
    made: T = _replaced(whole, path, new)
    return made


def _replaced(whole: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    step, *rest = path
    inner = _replaced(value_at(whole, (step,)), tuple(rest), new)
    match step:
        case str():
            return dataclasses.replace(whole, **{step: inner})
        case int():
            return (*whole[:step], inner, *whole[step + 1 :])
        case _:
            return inner.onto(whole)

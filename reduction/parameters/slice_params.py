"""Log, Min, Step and Max of a filter in one text, so that one put changes all of them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

from reduction.parameters.fields import Settings, parameter, specs_of
from reduction.parameters.reduction import FilterSettings
from reduction.parameters.specs import Refused, Stage, Text

NUMBERS = ("minimum", "step", "maximum")
"""The fields of `FilterSettings` whose numbers are in the text, in this order."""


@dataclass(frozen=True)
class SliceParams(Settings):
    """Slices in one text, prefix ``$(P)Red1:Filter:``; another view of Log, Min, Step and Max.

    A put changes all four at once. An empty text empties Log and leaves the numbers.
    """

    params: str = parameter(
        Text(
            pv="Params",
            description="Slices: log,min,step,max; empty: none",
            details="Log, Min, Step and Max in one put. Invert stays.",
            max_length=160,
            stage=Stage.SLICE,
        ),
        "",
    )

    def check(self) -> None:
        words = self.params.split(",")
        if self.params and len(words) < 1 + len(NUMBERS):
            raise Refused("Params", self.params, "it takes log,min,step,max, or nothing")

    @classmethod
    def of(cls, settings: FilterSettings) -> Self:
        """The text of ``settings``; empty without a log."""
        numbers = (repr(getattr(settings, name)).removesuffix(".0") for name in NUMBERS)
        return cls(",".join((settings.log, *numbers)) if settings.log else "")

    @property
    def tidy(self) -> Self:
        """The text that is shown of the slices that this text means; raises `Refused`."""
        return self.of(self.onto(FilterSettings()))

    def onto(self, settings: FilterSettings) -> FilterSettings:
        """``settings`` with the log and the numbers of the text; raises `Refused`.

        A name of a log may have commas in it: the numbers are the last three words.
        """
        if not self.params:
            return dataclasses.replace(settings, log="")
        log, *numbers = self.params.rsplit(",", len(NUMBERS))
        specs = dict(specs_of(FilterSettings))
        changed = {
            name: specs[name].checked(word) for name, word in zip(NUMBERS, numbers, strict=True)
        }
        return dataclasses.replace(settings, log=log, **changed)

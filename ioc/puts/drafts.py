"""Settings that were put but do not fit each other yet; they wait for puts to the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ioc.model.paths import Part, ValuePath
from ioc.model.pvs import PvRow
from reduction.parameters.specs import shown


@dataclass(frozen=True)
class Draft:
    """A value that was put to a setting, and why it is not in force."""

    row: PvRow
    value: Any
    why: str

    def __str__(self) -> str:
        return f"{self.row.group.prefix}{self.row.spec.pv} {shown(self.value)}"


class Drafts:
    """The drafts of all settings, at most one for each setting.

    Orders hold no drafts: ranks and simulator, results, files and autosave have the settings that
    are in force. Setpoints and readbacks show drafts.
    """

    def __init__(self) -> None:
        self._drafts: dict[ValuePath, Draft] = {}
        self.changes = 0
        """Counts up whenever a draft is kept or dropped."""

    def values(self, part: Part) -> Mapping[ValuePath, Any]:
        """The values of drafts by the address of their settings."""
        return {place: each.value for place, each in self._drafts.items() if place.part is part}

    def put_with(self, row: PvRow, value: Any) -> dict[str, Any]:
        """``value`` and the drafts that it is to be judged with, by the field of their group."""
        drafts = {each.row.field: each.value for each in self._drafts_with(row)}
        return drafts | {row.field: value}

    def keep(self, row: PvRow, value: Any, why: str) -> None:
        """Keep a value that does not fit; ``why`` holds for all drafts it was judged with."""
        kept = [(each.row, each.value) for each in self._drafts_with(row) if each.row != row]
        for each, of_value in (*kept, (row, value)):
            self._drafts[each.place] = Draft(each, of_value, why)
        self.changes += 1

    def drop(self, row: PvRow, fields: Mapping[str, Any]) -> None:
        """Drop the draft of ``row``, and those of its group whose values took effect with it.

        ``fields`` are the values that took effect. A draft with another value was put since then.
        """
        self._drop(
            draft.row.place
            for draft in self._drafts_with(row)
            if draft.row == row or draft.value == fields.get(draft.row.field)
        )

    def drop_group(self, place: ValuePath) -> None:
        """Drop all drafts of the group at an address."""
        self._drop(each for each in self._drafts if each.below(place) is not None)

    @property
    def message(self) -> str:
        """Which settings are not in force, and why; empty if all are."""
        settings: dict[str, list[str]] = {}
        for draft in self._drafts.values():
            settings.setdefault(draft.why, []).append(str(draft))
        return "; ".join(
            f"{', '.join(names)} not in force yet: {why}" for why, names in settings.items()
        )

    def _drafts_with(self, row: PvRow) -> Iterator[Draft]:
        """The drafts of settings that only make sense together with that of ``row``."""
        for field in row.put_with:
            if (draft := self._drafts.get(row.group.place / field)) is not None:
                yield draft

    def _drop(self, places: Iterable[ValuePath]) -> None:
        for place in list(places):
            del self._drafts[place]
            self.changes += 1

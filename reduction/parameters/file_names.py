"""The names of saved results: which are allowed, and which number a name gets."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from reduction.parameters.specs import Integer, Refused

LONGEST_FILE_NAME = 200
"""Most bytes of a name: file systems take 255, and endings are appended."""

PART_OF_RESULT = r"_slice\d+|_series\d+|_mantid"
"""What is appended to the name of a result, for the files that have a part of it."""

NAME_PLACE = "%s"
NUMBER_PLACE = re.compile(r"%0?\d?(\.\d)?d")
"""The places of name and number in a template, as areaDetector's FileTemplate has them."""

LAST_NUMBER = Integer.INT32[-1]
"""The highest number that ``File:Number`` can have."""

FIRST_COPY = 2
"""The number of the first result whose plain name is taken."""


def check_name(name: str) -> None:
    """Raises `Refused` if ``name`` cannot be the name of a saved result."""
    for wrong, why in (
        (not name, "it is empty"),
        (re.search(r"[/\\]", name), "it is a name in the folder, without / and \\"),
        (name.startswith("."), "it would be hidden"),
        (name != name.strip() or not name.isprintable(), "it has blanks at an end or unprintables"),
        (re.search(r"\.(nxs|xye)$", name), "the endings .nxs and .xye are added to it"),
        (
            re.search(rf"({PART_OF_RESULT})$", name),
            "_mantid, and _slice or _series and a number, are added to it",
        ),
        (
            len(os.fsencode(name)) > LONGEST_FILE_NAME,
            f"it is longer than {LONGEST_FILE_NAME} bytes",
        ),
    ):
        if wrong:
            raise Refused("File:Name", name, why)


class FileNameCandidate(NamedTuple):
    """A name of a result without ending, and the number in it; None if it has no number."""

    text: str
    number: int | None


@dataclass(frozen=True)
class FileNaming:
    """How results are named: a name, and where a number goes.

    - ``template``: the name with ``%s`` for ``name`` and, if wanted, ``%d`` for a number, which may
      have digits as in ``%4.4d``
    - ``number``: the number to begin with
    - ``increments``: whether to take the next number if a name is taken. A name whose template has
      no number then gets ``_2``, ``_3`` and so on.
    """

    name: str = "live"
    template: str = NAME_PLACE
    number: int = 1
    increments: bool = True

    def check(self) -> None:
        """Raises `Refused` if name or template cannot be used."""
        check_name(self.name)
        rest = NUMBER_PLACE.sub("", self.template.replace(NAME_PLACE, "", 1), count=1)
        if NAME_PLACE not in self.template or "%" in rest:
            why = "it has one %s for the name, and may have one %d, like %4.4d, for the number"
            raise Refused("File:Template", self.template, why)
        try:
            check_name(self._text(self.number))
        except Refused as refused:
            raise Refused("File:Template", self.template, refused.why) from None

    @property
    def has_number(self) -> bool:
        """Whether every name has a number."""
        return NUMBER_PLACE.search(self.template) is not None

    def candidates(self) -> Iterator[FileNameCandidate]:
        """The names to try, one after the other, until one is not taken."""
        every: Iterator[FileNameCandidate]
        if self.has_number:
            numbers = range(self.number, LAST_NUMBER + 1)
            every = (FileNameCandidate(self._text(n), n) for n in numbers)
        else:
            plain = self._text(0)
            copies = (FileNameCandidate(f"{plain}_{n}", None) for n in itertools.count(FIRST_COPY))
            every = itertools.chain([FileNameCandidate(plain, None)], copies)
        return every if self.increments else itertools.islice(every, 1)

    def _text(self, number: int) -> str:
        place = NUMBER_PLACE.search(self.template)
        numbered = NUMBER_PLACE.sub(place[0] % number, self.template) if place else self.template
        return numbered.replace(NAME_PLACE, self.name, 1)

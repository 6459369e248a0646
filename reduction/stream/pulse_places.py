"""Where the latest pulses of a partition begin in the event log, so that one can be read again."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

MOST_PLACES = 1000
"""The places of this number of latest pulses are known: 71 s at 14 Hz."""


class PulsePlace(NamedTuple):
    """Where a pulse begins in a partition of the event log.

    - ``offset``: the offset of the first message
    - ``after_mark``: whether this message follows the end of a pulse
    """

    offset: int
    after_mark: bool


class PulsePlaces:
    """The places of the latest pulses of a partition, by pulse time in ns since 1970."""

    def __init__(self) -> None:
        self._places = OrderedDict[int, PulsePlace]()

    def note(self, time_ns: int, offset: int, *, after_mark: bool) -> None:
        """Note where the pulse at a time begins, unless that is known."""
        if time_ns in self._places:
            return
        self._places[time_ns] = PulsePlace(offset, after_mark)
        if len(self._places) > MOST_PLACES:
            self._places.popitem(last=False)

    def at(self, time_ns: int) -> PulsePlace | None:
        """The place behind which all messages of pulses from a time on come.

        None if no earlier pulse is known, for then there may be later ones that are not known
        either; and None if there is no pulse from that time on.
        """
        later = [place for at_ns, place in self._places.items() if at_ns >= time_ns]
        if len(later) == len(self._places):
            return None
        return min(later, default=None)

"""How much may wait to be taken at a tick, so that ranks soon have time for orders and results."""

from __future__ import annotations

FIRST_BYTES_PER_S = 2e7
"""The rate that is assumed before any is measured: a low one, for it is measured soon."""

FIRST_S = 0.01
"""It counts as much as if it had been measured for so long."""

MEMORY_S = 2.0
"""The rate is that of about the last so many seconds of work."""

TAKING_S = 0.12
"""For the events of a tick there should be no more work than this."""

OVERLOAD_S = 0.3
"""If more work than this waits in the event log, events come faster than they can be counted."""

MOST_UNPREPARED = 30_000_000
"""So many events may wait to be prepared.

New bins take a pass over events that are not prepared: 0.1 s of a core for so many …
"""

MOST_UNPREPARED_UNDER_OVERLOAD = MOST_UNPREPARED // 3
"""… and 30 ms for so many. Reading is late then, whether or not it rests."""

UNLIMITED_BYTES = 1 << 62


class IntakeBudget:
    """How many bytes of events a rank can take and histogram in a time, by what it did before.

    Ranks obey orders and make results after they have counted the events of a tick. Too many events
    would hold these up. How many are too many depends on engine, machine, and what else runs there.
    So the time that the work takes is measured: `took` notes the events of a tick, `counted` the
    time that they take afterwards.

    An engine prepares events for other bins in spare time, of which there is none if as many come
    as can be counted. So reading rests while too many are not prepared, and its time goes to that.
    """

    def __init__(self) -> None:
        self._bytes, self._seconds = FIRST_BYTES_PER_S * FIRST_S, FIRST_S
        self.rests = False
        """Whether the engine should prepare events before more are read."""
        self.forget()

    def took(self, size_bytes: int, seconds: float) -> None:
        """Note that events of so many bytes were taken, and how long that took."""
        self._taken_bytes += size_bytes
        self._taken_s += seconds

    def counted(self, seconds: float, *, all_of_them: bool) -> None:
        """Note for how long events that were taken were counted, and whether all of them are."""
        self._taken_s += seconds
        if not all_of_them:
            return
        if self._taken_bytes > 0:
            rest = 0.5 if self._seconds > MEMORY_S else 1.0
            self._bytes = rest * self._bytes + self._taken_bytes
            self._seconds = rest * self._seconds + self._taken_s
        self.forget()

    def forget(self) -> None:
        """Forget events that are not counted yet: how long that takes will not be known."""
        self._taken_bytes, self._taken_s = 0, 0.0

    def note_backlog(self, size_bytes: int, unprepared: int) -> None:
        """Note how much waits in the event log, and how many events are not prepared."""
        overloaded = size_bytes > self._bytes / self._seconds * OVERLOAD_S
        most = MOST_UNPREPARED_UNDER_OVERLOAD if overloaded else MOST_UNPREPARED
        self.rests = unprepared > most

    @property
    def enough_bytes(self) -> int:
        """The bytes of events for which the work is about `TAKING_S`."""
        return max(1, round(self._bytes / self._seconds * TAKING_S))

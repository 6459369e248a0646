"""The messages about runs that stand in the reports."""

from __future__ import annotations

from collections.abc import Sequence

from reduction.messages.run_messages import RunMessage
from reduction.stream.notices import Notices

MOST_REPORTED_RUNS = 32
"""So many of the last messages about runs stand in each report."""


class ReportedRuns:
    """Keeps the last messages about runs. A notice tells if one was dropped before a report."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._messages: dict[RunMessage, None] = {}
        self._unreported = 0

    def note(self, messages: Sequence[RunMessage]) -> None:
        """Keep messages until there are `MOST_REPORTED_RUNS` newer ones."""
        new = dict.fromkeys(each for each in messages if each not in self._messages)
        self._messages |= new
        self._unreported += len(new)
        for oldest in list(self._messages)[:-MOST_REPORTED_RUNS]:
            del self._messages[oldest]
        if self._unreported > MOST_REPORTED_RUNS:
            self._notices.give(
                "many runs",
                f"{self._unreported} messages about runs came at once:"
                f" only the last {MOST_REPORTED_RUNS} are followed",
            )

    @property
    def messages(self) -> tuple[RunMessage, ...]:
        """The messages for the next report, the oldest first."""
        return tuple(self._messages)

    def note_reported(self) -> None:
        """Note that the messages were reported."""
        self._unreported = 0

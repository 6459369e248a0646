"""The run of a facility that a NeXus file is of: its number, title and start."""

from __future__ import annotations

from reduction.messages.run_messages import MOST_NAME, RunMessage, plain_text
from reduction.recordings.nexus.groups import NexusGroups, text_at

NAMES = ("entry_identifier", "run_number")
"""Where the name or number of the run may be, in this order."""


def run_of(groups: NexusGroups) -> RunMessage | None:
    """The start of the run of an entry; None if it has neither a name nor a number.

    Its time is 0 if the entry does not tell it. A start without a time zone is taken as UTC.
    """
    entry, start = groups.entry, groups.run_start
    name = next(filter(None, (text_at(entry, each) for each in NAMES)), "")
    if not name:
        return None
    time_ns = 0 if start is None else start.time_ns
    name = plain_text(name, MOST_NAME)
    title = plain_text(text_at(entry, "title"))
    return RunMessage(True, f"{name} of {time_ns}", name, title, max(time_ns, 0))

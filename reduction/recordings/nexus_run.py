"""The run of a facility that a NeXus file is of: its number, title and start."""

from __future__ import annotations

import h5py
import numpy as np

from reduction.messages.run_messages import MOST_NAME, RunMessage, plain_text
from reduction.recordings.nexus_groups import dataset
from reduction.recordings.nexus_units import NexusRefused, stamp, text_of

NAMES = ("entry_identifier", "run_number")
"""Where the name or number of the run may be, in this order."""


def run_of(entry: h5py.Group) -> RunMessage | None:
    """The start of the run of an entry; None if it has neither a name nor a number.

    Its time is 0 if the entry does not tell it. A start without a time zone is taken as UTC.
    """
    name = next(filter(None, (_text(entry, each) for each in NAMES)), "")
    if not name:
        return None
    try:
        time_ns = stamp(_text(entry, "start_time")).time_ns
    except NexusRefused:
        time_ns = 0
    name = plain_text(name, MOST_NAME)
    title = plain_text(_text(entry, "title"))
    return RunMessage(True, f"{name} of {time_ns}", name, title, max(time_ns, 0))


def _text(entry: h5py.Group, name: str) -> str:
    """The text, or the whole number, of a dataset of an entry; empty if it has none."""
    data = dataset(entry, name)
    if data is None or data.size != 1:
        return ""
    value = np.asarray(data[()]).ravel()[0]
    return str(int(value)) if isinstance(value, np.integer) else text_of(value)

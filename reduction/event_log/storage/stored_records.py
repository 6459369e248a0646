"""Successive messages as a segment stores them, so that they can be copied without decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reduction.event_log.storage.segment_view import Record, SegmentView


class StoredRecords(NamedTuple):
    """Successive messages of a partition: at least one record, all in one segment."""

    segment: SegmentView
    records: Sequence[Record]

    def first(self, count: int) -> StoredRecords | None:
        """So many of them, from the first one on; None for 0."""
        return StoredRecords(self.segment, self.records[:count]) if count else None

    def after(self, count: int) -> StoredRecords | None:
        """Those after so many; None if there are none."""
        return StoredRecords(self.segment, self.records[count:]) if self.records[count:] else None

"""The number of the last pulse in an event log, from which a restarted source counts on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from reduction.event_log.entries import EntryKind
from reduction.event_log.storage.segment_view import SegmentView
from reduction.event_log.storage.segments import (
    HEAD_BYTES,
    SEGMENT_MESSAGES,
    Damaged,
    segment_paths,
)
from reduction.messages.contents import CorruptMessage, LogValue, UnknownSchema, decode


def last_pulse(folder: Path, partitions: int) -> int:
    """The number of the last pulse that has a mark in any partition; -1 in an empty log.

    In a log without marks it is the number of pulses that have chunks, counted from 0. It may be
    larger if segments cannot be read, so that no number is used again.
    """
    return max(_last_of(segment_paths(folder, each)) for each in range(partitions))


def _last_of(paths: Sequence[Path]) -> int:
    """The number of the last pulse of a partition with these segments."""
    unreadable = 0
    for path in reversed(paths):
        try:
            view = SegmentView(path)
        except (Damaged, OSError):
            unreadable += SEGMENT_MESSAGES
            continue
        count = view.scan().count
        if not count.marks:
            return count.chunk_pulses + unreadable - 1
        for number in _numbers(view):
            if number >= 0:
                return number + unreadable
            unreadable += 1
    return unreadable - 1


def _numbers(view: SegmentView) -> Iterable[int]:
    """The pulse numbers of the marks in a segment, the last one first; -1 for a damaged mark."""
    end = view.committed
    heads = view.heads(HEAD_BYTES, end)
    marks = [place for place, head in heads if head.kind == EntryKind.MARK]
    for place in reversed(marks):
        record, _ = view.record(place, end)
        yield -1 if record is None else _number(record.data)


def _number(mark: memoryview) -> int:
    """The pulse number in a mark; -1 if it holds none."""
    try:
        content = decode(mark)
    except (CorruptMessage, UnknownSchema):
        return -1
    return int(content.value[0]) if isinstance(content, LogValue) and content.value.size else -1

"""The segments of one partition, as a reader finds them in the folder of the log."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reduction.event_log.storage.segment_view import SegmentView
from reduction.event_log.storage.segments import Damaged, first_offset, head_of, segment_paths

AT_LIMIT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What opening a file fails with at a limit of this process or host, which passes."""

MOST_ENDS = 10_000
"""Of at most so many segments the ends are remembered."""


class SegmentEnd(NamedTuple):
    """The end of the records of a segment, in bytes, and the offset of the next message."""

    committed: int
    next_offset: int


class PartitionSegments:
    """Opens the segments of one partition; ``unreadable`` says which cannot be read, and why."""

    def __init__(self, folder: Path, partition: int) -> None:
        self._folder, self._partition = folder, partition
        self.unreadable: dict[Path, str] = {}
        self._ends: dict[Path, SegmentEnd] = {}
        """The ends of sealed segments, which do not change."""

    @property
    def paths(self) -> list[Path]:
        """The segments that are there now, in their order."""
        return segment_paths(self._folder, self._partition)

    def view(self, path: Path) -> SegmentView | None:
        """A segment; None if it has gone or cannot be read.

        Raises OSError at a limit of this process: then it can be read later.
        """
        try:
            return SegmentView(path)
        except FileNotFoundError:
            return None
        except Damaged as error:
            self.unreadable[path] = str(error)
        except OSError as error:
            if error.errno in AT_LIMIT:
                raise
            self.unreadable[path] = error.strerror or str(error)
        return None

    def end_of(self, path: Path) -> SegmentEnd | None:
        """The end of a segment; None if it has gone or cannot be read. Raises OSError as `view`."""
        end = self._ends.get(path)
        if end is None and (view := self.view(path)) is not None:
            end = SegmentEnd(view.committed, view.next_offset)
            # One without messages may be replaced by another one of the same name.
            if view.sealed and end.next_offset > first_offset(path):
                if len(self._ends) >= MOST_ENDS:
                    self._ends.clear()  # most are of segments that were dropped
                self._ends[path] = end
        return end

    def forget_ends(self) -> None:
        """Forget the ends of segments: the log may be another one now."""
        self._ends.clear()

    def without_marks(self, paths: Sequence[Path]) -> bool:
        """Whether these segments, all of the partition, hold no mark, as far as can be read."""
        views = (self.view(path) for path in reversed(paths))
        last = next((view for view in views if view is not None), None)
        return last is not None and last.scan().count.marks == 0

    def count_before(self, paths: Sequence[Path], time_ns: int, *, by_chunks: bool) -> int:
        """How many of these segments begin before the first mark, or chunk, at or after a time."""
        low, high = 0, len(paths)
        while low < high:
            middle = (low + high) // 2
            if _time_before_ns(paths[: middle + 1], by_chunks=by_chunks) >= time_ns:
                high = middle
            else:
                low = middle + 1
        return low

    def next_of(self, segment: SegmentView) -> tuple[SegmentView | None, bool]:
        """The segment after another one, and whether all before it have been deleted by now.

        Then what is missing between them is gone, not damaged. Raises OSError as `view` does.
        """
        paths = [path for path in self.paths if path.name >= segment.path.name]
        for number, path in enumerate(paths):
            view = self.view(path)
            if view is not None and view.head.sequence != segment.head.sequence:
                return view, not any(earlier.exists() for earlier in paths[:number])
        return None, False


def _time_before_ns(paths: Sequence[Path], *, by_chunks: bool) -> int:
    """The time of the last mark, or chunk, before the last of ``paths``; -1 if unknown.

    If its head cannot be read, the time of the segment before it, which is not later.
    """
    for path in reversed(paths):
        try:
            head = head_of(path)
            return head.chunk_time_ns if by_chunks else head.time_before_ns
        except (Damaged, OSError):
            continue
    return -1

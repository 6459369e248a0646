"""Which sources of a topic are used, and as what: detectors, monitors or logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from reduction.messages.contents import PULSE_MARK, Chunk, LogValue


@dataclass(frozen=True)
class UsedSources:
    """What is used of the messages of a partition.

    - ``detectors``: the sources of events whose pixel ids are those of detectors; None: all
    - ``monitors``: the pixel id that all events of a source get, by the name of the source
    - ``logs``: the names that logs have here, by the names of their sources; None: all logs, under
      the names that they have
    """

    detectors: frozenset[str] | None = None
    monitors: Mapping[str, int] = field(default_factory=dict)
    logs: Mapping[str, str] | None = None

    @property
    def has_events(self) -> bool:
        """Whether any events are used."""
        return self.detectors is None or bool(self.detectors) or bool(self.monitors)

    @property
    def has_logs(self) -> bool:
        """Whether any logs are used."""
        return self.logs is None or bool(self.logs)

    def used(self, content: list[Chunk] | LogValue) -> list[Chunk] | LogValue | None:
        """The content of a message as it is used; None if it is not."""
        if not isinstance(content, LogValue):
            return self._used_chunks(content)
        if content.name == PULSE_MARK or self.logs is None:
            return content
        name = self.logs.get(content.name)
        return None if name is None else replace(content, name=name)

    def _used_chunks(self, chunks: list[Chunk]) -> list[Chunk] | None:
        source = chunks[-1].source
        pixel_id = self.monitors.get(source)
        if pixel_id is not None:
            return [
                replace(each, pixel_id=np.full(each.tof_ns.size, pixel_id, np.int32))
                for each in chunks
            ]
        return chunks if self.detectors is None or source in self.detectors else None

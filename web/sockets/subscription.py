"""One subscription of a visitor: what its client has, and what it is sent next."""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np
from numpy.typing import NDArray

from web.sockets.frames import SharedFrames
from web.sockets.sent_results import SentResults
from web.sockets.updates import DISCONNECTED_REST, SharedUpdates, head
from web.values.pv_value import PvMetadata, WebValue
from web.values.shared_pvs import SharedPv


class Subscription:
    """A subscription under the ``name`` that the client wrote.

    ``binary``: arrays and structures are sent by `frame`, not in an `update`. ``arrays``: those of
    a structure that are sent; None: all. ``readonly``: the visitor may not write to it.
    """

    def __init__(
        self,
        name: str,
        shared: SharedPv,
        readonly: bool,
        binary: bool = False,
        arrays: Container[str] | None = None,
    ) -> None:
        self.name, self.shared, self.binary = name, shared, binary
        self._readonly, self._arrays = readonly, arrays
        self._told_readonly: bool | None = None
        self._head = head(name)
        self._metadata: PvMetadata | None = None
        self._known: Mapping[str, NDArray[np.float64]] = {}
        self._sent: WebValue | None = None

    def update(self, updates: SharedUpdates) -> bytes | None:
        """The JSON update to send now; None if the client has the newest value.

        It has all metadata if the client does not have the newest metadata, or does not know
        whether it may write.
        """
        if not self.shared.connected:
            if self._metadata is None:
                return None
            self._metadata, self._sent = None, None
            return self._head + DISCONNECTED_REST
        value = self.shared.value
        if value is None:
            return None
        readonly = self._readonly or not self.shared.may_put
        complete = value.metadata is not self._metadata or readonly is not self._told_readonly
        if value is self._sent and not complete:
            return None
        by_frame = self.binary and value.arrays is not None
        self._metadata, self._told_readonly = value.metadata, readonly
        if by_frame and not complete:
            return None
        if not by_frame:
            self._sent = value
        return self._head + updates.rest(value, complete, readonly, not self.binary)

    def frame(self, frames: SharedFrames, results: SentResults) -> bytes | None:
        """The binary message to send now; None if there is none or the client has the newest."""
        value = self.shared.value
        if value is None or value is self._sent or not (self.binary and self.shared.connected):
            return None
        if value.arrays is None:
            return None
        arrays = {
            name: array
            for name, array in value.arrays.items()
            if self._arrays is None or name in self._arrays or value.fields is None
        }
        pv = self.shared.pv
        number = results.number(pv.name, value) if pv.is_result else None
        made = frames.frame(value, self.name, pv.dtype, arrays, self._known, number)
        self._known, self._sent = arrays, value
        return made

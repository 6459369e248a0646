"""Answers to reads, and the lengths of arrays that clients are told."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import caproto
from caproto import CaprotoError

from ioc.ca.serving.client_subscriptions import WITHOUT_VALUES
from ioc.ca.serving.updates import stamped
from ioc.records.channel_names import channel_name
from ioc.records.elements import Announcement, announced

AS_MANY_AS_THERE_ARE = 0
"""The number of elements for which a client asks that wants all that there are."""

HEADROOM = 2
"""How many times as many elements a client is told of whose array has outgrown what it was told."""

log = logging.getLogger(__name__)


class Announcements:
    """The numbers of elements that a client was told, and what the numbers that it asks for mean.

    A client is told how many elements there are when it connects, not how many there may ever be.
    ``outgrown`` is called with its channel once there are more. A client that asks for a channel
    again is told of twice as many, so that an array that grows and grows costs it few connections.

    A client stays connected if all that it subscribed to has as many elements as there are: it
    takes more of them, too. The C library waits up to 10 s before it asks for a channel again.
    """

    def __init__(self, outgrown: Callable[[Any], None]) -> None:
        self._outgrown = outgrown
        self._told: defaultdict[str, set[int]] = defaultdict(set)
        self._arrays: dict[Any, Any] = {}
        self._announced: dict[Any, int] = {}
        self._grown: set[str] = set()
        """Names of channels that had more elements than were told."""
        self._subscribed_to: defaultdict[Any, set[int]] = defaultdict(set)
        """How many elements a client asked for when it subscribed to a channel."""

    def announce(self, channel: Any, entry: Any) -> int:
        """The number of elements to tell a client that opens ``channel`` of ``entry``."""
        if entry.max_length == 1:
            return 1
        elements = channel_name(channel.name).filter.elements
        size = getattr(entry, "size", entry.max_length)
        count = announced(size, elements)
        if channel.name in self._grown:
            count = min(HEADROOM * count, announced(entry.max_length, elements))
        if hasattr(entry, "announcements"):
            self._told[channel.name].add(count)
            self._arrays[channel], self._announced[channel] = entry, count
            self._watch(channel, count)
        return count

    def _watch(self, channel: Any, count: int) -> None:
        """Be told once an array has more than ``count`` elements."""
        elements = channel_name(channel.name).filter.elements
        told = Announcement(count, elements, lambda: self._outgrow(channel))
        self._arrays[channel].announcements[channel] = told

    def _outgrow(self, channel: Any) -> None:
        """Have a client ask for a channel again, unless it takes any number of elements."""
        if self._subscribed_to.get(channel) == {AS_MANY_AS_THERE_ARE}:
            self._watch(channel, self._present_count(channel))
        else:
            self._ask_again(channel)

    def _present_count(self, channel: Any) -> int:
        """How many elements a client would be told of now."""
        return announced(self._arrays[channel].size, channel_name(channel.name).filter.elements)

    def _ask_again(self, channel: Any) -> None:
        """Have a client ask for a channel again."""
        self._arrays[channel].announcements.pop(channel, None)
        self._grown.add(channel.name)
        self._outgrown(channel)

    def subscribed(self, channel: Any, count: int) -> int:
        """`wanted` by a client that subscribes."""
        self._subscribed_to[channel].add(count)
        return self.wanted(channel, count)

    def wanted(self, channel: Any, count: int) -> int:
        """How many elements a client wants that asks for ``count``; 0: as many as there are.

        Clients such as those in Java ask for as many as they were told, or had been told before
        they connected anew.
        """
        return AS_MANY_AS_THERE_ARE if count in self._told.get(channel.name, ()) else count

    def outgrown(self, channel: Any, count: int) -> bool:
        """Whether ``count`` is what a client was told, and there is more now.

        It has to ask for the channel again: it may have no room for all, and would take less for
        all. That is so for one that stayed connected because of its subscriptions.
        """
        told_less = count == self._announced.get(channel) and self._present_count(channel) > count
        if told_less and channel in self._arrays[channel].announcements:
            self._ask_again(channel)
        return told_less

    def forget(self, channel: Any, entry: Any) -> None:
        """A client has closed a channel."""
        self._subscribed_to.pop(channel, None)
        self._announced.pop(channel, None)
        if self._arrays.pop(channel, None) is not None:
            entry.announcements.pop(channel, None)

    def forget_all(self) -> None:
        """The client is gone."""
        for channel, entry in list(self._arrays.items()):
            self.forget(channel, entry)


async def read_answer(channel: Any, entry: Any, request: Any, counts: Announcements) -> Any:
    """The message that answers a read of ``channel``, whose values are in ``entry``."""
    notify = isinstance(request, caproto.ReadNotifyRequest)
    response = caproto.ReadNotifyResponse if notify else caproto.ReadResponse
    wanted = channel_name(channel.name).filter
    if counts.outgrown(channel, request.data_count):
        return _failed(request, response)
    # As in EPICS Base, a deadband keeps the filter ts from reads of a single number.
    judged = wanted.has_deadband and entry.number is not None
    read = entry.read_record if judged and wanted.stamp is not None else entry.read
    try:
        metadata, values = await read(request.data_type)
    except (ValueError, CaprotoError) as error:
        log.debug("%s as %s: %s", channel.name, request.data_type, error)
        return _failed(request, response)
    if request.data_type in WITHOUT_VALUES:
        count = max(request.data_count, 1)
        return response(b"", request.data_type, count, 1, request.ioid, metadata=metadata)
    elements = wanted.elements if entry.max_length > 1 else None
    values = entry.selected(values, elements, counts.wanted(channel, request.data_count))
    if wanted.stamped and not judged:
        metadata = stamped(metadata)
    count = len(values)
    return response(values, request.data_type, count, 1, request.ioid, metadata=metadata)


def _failed(request: Any, response: type) -> Any:
    """The answer that there is no value."""
    failed = caproto.CAStatus.ECA_GETFAIL
    return response(b"", request.data_type, 0, failed, request.ioid, metadata=None)

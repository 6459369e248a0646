"""The subscriptions of a client, and which of them get the same messages as those of others.

caproto looks through all subscriptions of a client for each one that ends, so a client that ended
twenty thousand of them held up all others for minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from caproto import ChannelType
from caproto.server.common import SubscriptionSpec

from ioc.records.channel_names import NO_FILTER, channel_name

WITHOUT_VALUES = (ChannelType.STSACK_STRING, ChannelType.CLASS_NAME)
"""Types in which the metadata are all there is."""


def gets_common_messages(sub: Any) -> bool:
    """Whether `Update.serves` is true of a subscription for all updates, which are short."""
    return (
        sub.data_count in (0, 1)
        and sub.db_entry.holds_one_value
        and sub.data_type not in WITHOUT_VALUES
        and channel_name(sub.channel.name).filter is NO_FILTER
    )


def spec_of(sub: Any) -> SubscriptionSpec:
    """What a subscription is to, as caproto says it."""
    return SubscriptionSpec(sub.db_entry, sub.data_type.name, sub.mask, sub.channel_filter)


class ClientSubscriptions:
    """The subscriptions of a client by its numbers of them, and those of each of its channels.

    It takes the place of caproto's table of them by what they are to, which is only added to.
    """

    def __init__(self) -> None:
        self.by_number: dict[int, Any] = {}
        self.common: set[int] = set()
        """The numbers of those for which `gets_common_messages` is true."""
        self._of_channels: dict[Any, dict[int, Any]] = {}

    def __len__(self) -> int:
        return len(self.by_number)

    def __getitem__(self, spec: object) -> Self:
        """What caproto appends a subscription to something to."""
        return self

    def append(self, sub: Any) -> None:
        """Add a subscription, whose number no other has."""
        number = sub.subscriptionid
        self.by_number[number] = sub
        self._of_channels.setdefault(sub.channel, {})[number] = sub
        if gets_common_messages(sub):
            self.common.add(number)

    def of_channel(self, channel: object) -> Sequence[Any]:
        """The subscriptions to a channel of the client."""
        return list(self._of_channels.get(channel, {}).values())

    def every(self) -> Sequence[Any]:
        """All subscriptions."""
        return list(self.by_number.values())

    def remove(self, sub: Any) -> None:
        """Remove a subscription."""
        number = sub.subscriptionid
        del self.by_number[number]
        self.common.discard(number)
        of_channel = self._of_channels[sub.channel]
        del of_channel[number]
        if not of_channel:
            del self._of_channels[sub.channel]

    def items(self) -> Sequence[Any]:
        """Nothing: those that end with the connection are removed before caproto looks for them."""
        return ()

    def clear(self) -> None:
        """Nothing: all are removed one by one."""


class Subscribers(dict[Any, None]):
    """All clients' subscriptions to one thing: one of many is removed at once."""

    def append(self, sub: Any) -> None:
        """Add a subscription."""
        self[sub] = None

    def remove(self, sub: Any) -> None:
        """Remove a subscription."""
        del self[sub]

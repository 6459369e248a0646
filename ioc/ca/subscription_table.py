"""The subscriptions of a client, and which of them get the same messages as those of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from caproto import ChannelType

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


@dataclass(frozen=True)
class SubscriptionTable:
    """The subscriptions of a client by its numbers of them.

    ``common`` are the numbers of those for which `gets_common_messages` is true.
    """

    by_number: Mapping[int, Any]
    common: Set[int]


def subscription_table(subs: Iterable[Any]) -> SubscriptionTable:
    """The table of a client's subscriptions."""
    by_number = {sub.subscriptionid: sub for sub in subs}
    common = {number for number, sub in by_number.items() if gets_common_messages(sub)}
    return SubscriptionTable(by_number, common)

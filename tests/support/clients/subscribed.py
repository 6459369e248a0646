"""A subscription of a client to an array, as an update knows it."""

from __future__ import annotations

from typing import NamedTuple

import caproto

from ioc.ca.channel import channel
from ioc.ca.channels.caproto_channel import CaprotoChannel
from reduction.parameters.specs import Array


class Named(NamedTuple):
    """A client's channel, by the name that it asked for."""

    name: str


ARRAY = channel(Array(pv="A", description=""), None, max_length=1000)


NO_FILTER = caproto.ChannelFilter(None, None, None, None)


class Subscribed(NamedTuple):
    """A subscription as an update knows it."""

    subscriptionid: int
    data_count: int = 0
    data_type: caproto.ChannelType = caproto.ChannelType.TIME_DOUBLE
    channel: Named = Named("P:A")
    db_entry: CaprotoChannel = ARRAY
    mask: int = 1
    channel_filter: caproto.ChannelFilter = NO_FILTER

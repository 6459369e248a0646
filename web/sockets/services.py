"""What all WebSockets share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from web.limits import WebLimits
from web.refusals import RefusalCounts
from web.sockets.kept_references import KeptReferences
from web.sockets.outbox import Encoders
from web.sockets.visitors import Visitor, Visitors
from web.values.names import WebNames
from web.values.puts import WebPuts
from web.values.shared_pvs import SharedPvs


@dataclass(frozen=True)
class SessionServices:
    """What all sessions share; ``info`` tells a visitor what server this is."""

    names: WebNames
    shared: SharedPvs
    puts: WebPuts
    visitors: Visitors
    encoders: Encoders
    references: KeptReferences
    limits: WebLimits
    refusals: RefusalCounts
    info: Callable[[Visitor], dict[str, Any]]

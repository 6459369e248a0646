"""Deadbands: how much a number must change until clients are sent it, or archivers store it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from caproto import SubscriptionType

SENT, ARCHIVED = int(SubscriptionType.DBE_VALUE), int(SubscriptionType.DBE_LOG)
"""The flags of updates to send and to archive, as integers: Python takes long to combine flags."""


@dataclass
class Deadbands:
    """How much a number must change to be sent (MDEL), and to be archived (ADEL).

    The fields of the same names in lower case hold what was sent, and archived, last.
    """

    mdel: float = 0.0
    adel: float = 0.0
    mlst: float = math.nan
    alst: float = math.nan

    def changes(self, value: float) -> int:
        """The flags of an update to ``value``: whether it is to be sent, and to be archived."""
        flags = 0
        if _beyond(value, self.mlst, self.mdel):
            flags, self.mlst = flags | SENT, value
        if _beyond(value, self.alst, self.adel):
            flags, self.alst = flags | ARCHIVED, value
        return flags


def _beyond(value: float, last: float, deadband: float) -> bool:
    """Whether a value differs by more than a deadband from the last one; one may be no number."""
    if math.isfinite(value) and math.isfinite(last):
        return abs(value - last) > deadband
    return not (value == last or (math.isnan(value) and math.isnan(last)))

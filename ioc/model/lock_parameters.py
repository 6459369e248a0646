"""Settings, commands and readings of the scan lock."""

from __future__ import annotations

from dataclasses import dataclass

from reduction.parameters.fields import Settings, parameter, reading
from reduction.parameters.specs import LONGEST_STRING, Command, Float, Text


@dataclass(frozen=True)
class LockSettings(Settings):
    """How long the scan lock lasts, prefix ``$(P)Lock:``."""

    expiry: float = parameter(
        Float(
            pv="Expiry",
            description="Time the lock lasts after a put",
            details="Each put of the owner renews the lock. Choose it longer than the longest time"
            " between two puts.",
            units="s",
            precision=0,
            minimum=1,
            maximum=86400,
        ),
        60.0,
    )


@dataclass(frozen=True)
class LockCommands:
    """Commands of the scan lock, prefix ``$(P)Lock:``."""

    owner: str = parameter(
        Text(
            pv="Owner",
            description="Take the lock by a name; empty: free it",
            details="The owner is a user at an IP address, on whatever connection.",
            max_length=LONGEST_STRING,
        ),
        "",
    )
    acquire: bool = parameter(
        Command(
            pv="Acquire",
            description="Take the lock, or renew it",
            details="Refused while another client holds the lock, as are all other puts then.",
            on="Acquire",
        ),
        False,
    )
    release: bool = parameter(
        Command(pv="Release", description="Give the lock back", on="Release"), False
    )
    break_lock: bool = parameter(
        Command(
            pv="Break",
            description="Free the lock, whoever holds it",
            details="For clients that may operate, if a scan ended without a release. It is"
            " logged.",
            on="Break",
        ),
        False,
    )


@dataclass(frozen=True)
class LockStatus:
    """Who holds the scan lock, prefix ``$(P)Lock:``."""

    owner: str = reading(
        Text(
            pv="Owner_RBV",
            description="Who holds the lock; empty: nobody",
            details="As user@address: name.",
        ),
        "",
    )
    remaining: float = reading(
        Float(pv="Remaining_RBV", description="Time until the lock expires", units="s", precision=0)
    )

"""Settings and readings of the runs of a facility."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime

from reduction.control.facility_run import FacilityRun
from reduction.messages.run_messages import MOST_NAME, MOST_TEXT
from reduction.parameters.fields import Settings, parameter, reading
from reduction.parameters.specs import LONGEST_STRING, Choice, Switch, Text


class RunAction(enum.StrEnum):
    """What the start of a run does."""

    NOTHING = "Nothing"
    ACQUIRE = "Acquire"
    NEXT_SERIES = "NextSeries"


@dataclass(frozen=True)
class FacilityRunSettings(Settings):
    """What runs of the facility do, prefix ``$(P)``."""

    action: RunAction = parameter(
        Choice(
            pv="RunAction",
            description="What the start of a run does",
            details="Acquire: starts afresh, as Acquire does. NextSeries: closes the accumulation"
            " as a series. Either from the first pulse at the start of the run or later; if that"
            " has been reached already, from the next pulse on, and RunMessage_RBV tells it.",
            options=RunAction,
        ),
        RunAction.NOTHING,
    )
    stops: bool = parameter(
        Switch(
            pv="RunStops",
            description="Whether the end of a run stops acquiring",
            details="With the last pulse before the end of the run, as Stop does.",
            off="GoOn",
            on="Stop",
        ),
        False,
    )
    name_pv: str = parameter(
        Text(
            pv="RunNamePV",
            description="PV of the run; empty: stream",
            details="Its value, a number or text, is the name of the run, and a run starts when it"
            " changes. Messages about runs in the stream are ignored then.",
            max_length=60,
        ),
        "",
    )
    state_pv: str = parameter(
        Text(
            pv="RunStatePV",
            description="PV that tells whether a run goes on",
            details="Only with RunNamePV. A run starts when this comes to a value of"
            " RunStateValues, and stops when it leaves them. Empty: runs follow each other.",
            max_length=60,
        ),
        "",
    )
    state_values: str = parameter(
        Text(
            pv="RunStateValues",
            description="Values of RunStatePV while a run goes on",
            details="Separated by commas; of an enum, the numbers.",
            max_length=100,
        ),
        "1",
    )

    @property
    def running_values(self) -> frozenset[str]:
        """The values of the state of a run that goes on."""
        return frozenset(word.strip() for word in self.state_values.split(","))


@dataclass(frozen=True)
class FacilityRunStatus:
    """The run of the facility that is measured, prefix ``$(P)``."""

    name: str = reading(
        Text(
            pv="RunName_RBV",
            description="Run of the facility; empty: not known",
            details="The newest one that has started.",
            max_length=MOST_NAME,
        ),
        "",
    )
    title: str = reading(
        Text(pv="RunTitle_RBV", description="Its title, if it has one", max_length=MOST_TEXT), ""
    )
    start: str = reading(
        Text(
            pv="RunStart_RBV",
            description="Its start, UTC",
            details="As ISO 8601, by the clock of the facility.",
            max_length=LONGEST_STRING,
        ),
        "",
    )
    running: bool = reading(
        Switch(
            pv="RunState_RBV", description="Whether the run goes on", off="Stopped", on="Running"
        ),
        False,
    )
    message: str = reading(
        Text(
            pv="RunMessage_RBV",
            description="Whether it was seen too late",
            details="How much of the run passed before what its start does took effect.",
        ),
        "",
    )

    @classmethod
    def of(cls, run: FacilityRun) -> FacilityRunStatus:
        """The readings of a run."""
        return cls(run.name, run.title, iso_start(run), run.running, _lateness(run))


def iso_start(run: FacilityRun) -> str:
    """The start of a run as ISO 8601, UTC, to the ms; empty if it is not known."""
    if not run.start_ns:
        return ""
    time = datetime.fromtimestamp(run.start_ns // 10**9, UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{run.start_ns // 10**6 % 1000:03}Z"


def _lateness(run: FacilityRun) -> str:
    if not run.late_ns:
        return ""
    return f"run {run.name} began {run.late_ns / 1e9:.3f} s before the first pulse that counts"

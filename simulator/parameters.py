"""The parameters of the simulated source, detector and sample, prefix ``$(P)Sim:``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from reduction.parameters.fields import Settings, parameter
from reduction.parameters.specs import (
    LONGEST_STRING,
    Float,
    Integer,
    Misfit,
    Switch,
    Text,
)
from simulator.powder.sample import Sample
from simulator.uneven_parameters import UnevenSettings

MOST_CHUNKS = 10_000
"""Most chunks of a pulse: to send more would take longer than a pulse may."""


@dataclass(frozen=True)
class SimulatorSettings(Settings):
    """Simulated source and sample. Seed, pulse number and these settings determine every event."""

    TOGETHER: ClassVar = (
        frozenset({"events_per_pulse", "monitor_events_per_pulse", "max_chunk_size"}),
        frozenset({"unit_cell", "space_group", "atoms", "d_min", "d_max"}),
    )

    pause: bool = parameter(
        Switch(pv="Pause", description="Hold the source", off="Run", on="Pause"), False
    )
    pulse_rate: float = parameter(
        Float(
            pv="PulseRate",
            description="Pulses per second",
            units="Hz",
            precision=2,
            minimum=0.1,
            maximum=1000,
        ),
        14.0,
    )
    events_per_pulse: int = parameter(
        Integer(
            pv="EventsPerPulse", description="Mean events per pulse", minimum=0, maximum=10_000_000
        ),
        20_000,
    )
    events_per_pulse_spread: float = parameter(
        Float(
            pv="EventsPerPulseSpread",
            description="Standard deviation of EventsPerPulse",
            precision=1,
            minimum=0,
            maximum=1_000_000,
        ),
        0.0,
    )
    monitor_events_per_pulse: int = parameter(
        Integer(
            pv="MonitorEventsPerPulse",
            description="Mean events of the monitors per pulse",
            details="They scatter as counts do, by its root.",
            minimum=0,
            maximum=1_000_000,
        ),
        100,
    )
    max_chunk_size: int = parameter(
        Integer(
            pv="MaxChunkSize",
            description="Most events in one message",
            minimum=1,
            maximum=10_000_000,
        ),
        50_000,
    )
    unit_cell: str = parameter(
        Text(
            pv="UnitCell",
            description="a b c [alpha beta gamma] in Ang, deg",
            details="At 0 GPa; as Mantid's CrystalStructure takes it.",
        ),
        "5.431 5.431 5.431",
    )
    space_group: str = parameter(
        Text(
            pv="SpaceGroup",
            description="Hermann-Mauguin symbol, e.g. F d -3 m",
            details="First origin choice; hexagonal cell for R.",
            max_length=LONGEST_STRING,
        ),
        "F d -3 m",
    )
    atoms: str = parameter(
        Text(
            pv="Atoms",
            description="symbol x y z occupancy Uiso; ...",
            details="Fractional coordinates; Uiso in Å² at 295 K.",
            max_length=2000,
        ),
        "Si 0 0 0 1.0 0.006",
    )
    d_min: float = parameter(
        Float(
            pv="DMin",
            description="Shortest d-spacing simulated",
            units="Ang",
            precision=3,
            minimum=0.2,
            maximum=20,
        ),
        0.5,
    )
    d_max: float = parameter(
        Float(
            pv="DMax",
            description="Longest d-spacing simulated",
            units="Ang",
            precision=3,
            minimum=0.2,
            maximum=20,
        ),
        4.0,
    )
    relative_peak_width: float = parameter(
        Float(
            pv="RelativePeakWidth",
            description="Standard deviation of a peak over d",
            precision=5,
            minimum=0,
            maximum=0.1,
        ),
        0.002,
    )
    background_fraction: float = parameter(
        Float(
            pv="BackgroundFraction",
            description="Share of events flat in d-spacing",
            precision=3,
            minimum=0,
            maximum=1,
        ),
        0.2,
    )
    temperature: float = parameter(
        Float(
            pv="Temperature",
            description="Sample temperature; scales Uiso",
            units="K",
            precision=2,
            minimum=1,
            maximum=2000,
        ),
        295.0,
    )
    pressure: float = parameter(
        Float(
            pv="Pressure",
            description="Sample pressure; shrinks the cell",
            units="GPa",
            precision=3,
            minimum=0,
            maximum=100,
        ),
        0.0,
    )
    bulk_modulus: float = parameter(
        Float(
            pv="BulkModulus",
            description="Bulk modulus of the sample",
            units="GPa",
            precision=1,
            minimum=0.1,
            maximum=1000,
        ),
        97.8,
    )
    uneven: UnevenSettings = field(default_factory=UnevenSettings)

    def check(self) -> None:
        """Raises `Refused` for no crystal; `Misfit` for too much work, or without Bragg lines."""
        events = self.events_per_pulse + self.monitor_events_per_pulse
        if events > MOST_CHUNKS * self.max_chunk_size:
            raise Misfit(
                "MaxChunkSize",
                self.max_chunk_size,
                f"{events} events make more than {MOST_CHUNKS} chunks a pulse",
            )
        _ = self.sample.reflections

    @property
    def sample(self) -> Sample:
        """The settings that Bragg lines depend on."""
        return Sample(
            self.unit_cell,
            self.space_group,
            self.atoms,
            self.d_min,
            self.d_max,
            self.temperature,
            self.pressure,
            self.bulk_modulus,
        )

"""The parameters of what makes the simulated detectors uneven, prefix ``$(P)Sim:``."""

from __future__ import annotations

from dataclasses import dataclass

from reduction.parameters.fields import Settings, parameter
from reduction.parameters.specs import LONGEST_STRING, Choice, Float, Text
from simulator.pixel_weights import DetectorFaults, Shadow, check_ids
from simulator.powder import structure
from simulator.powder.texture import Texture, TextureAxis


@dataclass(frozen=True)
class UnevenSettings(Settings):
    """Texture, shadow, hot and dead detectors, prefix ``$(P)Sim:``.

    By default there is none of them, and making events takes no longer.
    """

    march_coefficient: float = parameter(
        Float(
            pv="MarchCoefficient",
            description="Texture after March-Dollase; 1: none",
            details="Below 1 the normals of planes TextureHKL prefer TextureAxis, above 1 they"
            " avoid it.",
            precision=2,
            minimum=0.4,
            maximum=2.5,
        ),
        1.0,
    )
    texture_hkl: str = parameter(
        Text(
            pv="TextureHKL",
            description="h k l of the planes with a texture",
            max_length=LONGEST_STRING,
        ),
        "1 1 1",
    )
    texture_axis: TextureAxis = parameter(
        Choice(
            pv="TextureAxis",
            description="Axis about which texture is symmetric",
            options=TextureAxis,
        ),
        TextureAxis.VERTICAL,
    )
    shadow_radius: float = parameter(
        Float(
            pv="ShadowRadius",
            description="Half angle of a shadow; 0: none",
            details="As seen from the sample.",
            units="deg",
            precision=1,
            minimum=0,
            maximum=180,
        ),
        0.0,
    )
    shadow_two_theta: float = parameter(
        Float(
            pv="ShadowTwoTheta",
            description="Scattering angle of the shadow's middle",
            units="deg",
            precision=1,
            minimum=0,
            maximum=180,
        ),
        90.0,
    )
    shadow_azimuth: float = parameter(
        Float(
            pv="ShadowAzimuth",
            description="Angle around the beam: 0 x, 90 y (up)",
            units="deg",
            precision=1,
            minimum=-360,
            maximum=360,
        ),
        0.0,
    )
    shadow_transmission: float = parameter(
        Float(
            pv="ShadowTransmission",
            description="Share of events left in the shadow",
            precision=3,
            minimum=0,
            maximum=1,
        ),
        0.1,
    )
    hot_detectors: str = parameter(
        Text(
            pv="HotDetectors",
            description="Ids, as 0:15, 40, that count too much",
            details="A tube of the instrument is a range. Ids that it lacks have no effect.",
            max_length=2000,
        ),
        "",
    )
    hot_factor: float = parameter(
        Float(
            pv="HotFactor",
            description="How many times as much they count",
            precision=1,
            minimum=1,
            maximum=1e6,
        ),
        20.0,
    )
    dead_detectors: str = parameter(
        Text(
            pv="DeadDetectors",
            description="Ids, as 0:15, 40, that count nothing",
            details="If all detectors are dead there are no events.",
            max_length=2000,
        ),
        "",
    )

    def check(self) -> None:
        """Raises `Refused` for planes and ids that cannot be."""
        structure.plane(self.texture_hkl)
        check_ids("HotDetectors", self.hot_detectors)
        check_ids("DeadDetectors", self.dead_detectors)

    @property
    def texture(self) -> Texture | None:
        """The preferred orientation; None if there is none."""
        if self.march_coefficient == 1:
            return None
        return Texture(self.march_coefficient, self.texture_hkl, self.texture_axis)

    @property
    def faults(self) -> DetectorFaults:
        """The shadow, hot and dead detectors; those without effect are as by default."""
        shadow = Shadow(
            self.shadow_two_theta,
            self.shadow_azimuth,
            self.shadow_radius,
            self.shadow_transmission,
        )
        hot = self.hot_detectors if self.hot_factor > 1 else ""
        return DetectorFaults(
            shadow if self.shadow_radius > 0 else None,
            hot,
            self.hot_factor if hot else 1.0,
            self.dead_detectors,
        )

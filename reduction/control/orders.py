"""The orders of the IOC to the ranks.

An order is a complete state, not a change: it holds everything that the ranks have to obey, and a
revision that counts up. So it can be sent again at any time, also to a process that has just
started.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reduction.control.encoding import OrderCount
from reduction.control.facility_run import FacilityRun
from reduction.control.run_state import RunState
from reduction.instrument.detector_file import DetectorFile
from reduction.parameters.acquisition import AcquisitionSettings
from reduction.parameters.all_reductions.run import RunControl
from reduction.parameters.images.image import ImageCallbacks, ImageMade
from reduction.parameters.reduction import ReductionSettings
from reduction.stream.pulses import NO_PULSE, PulseTimeNs

RANKS_PART = "ranks"
"""What ranks call themselves on the channel, see `reduction.control.hello`."""

NO_REVISION = -1
"""Revision of the order that ranks obey before the first order has come."""


@dataclass(frozen=True)
class WatchedViews:
    """Whether clients watch the image and the map of a reduction."""

    image: bool = False
    map: bool = False


@dataclass(frozen=True)
class ReductionOrder:
    """The settings of a reduction, their generation, and what clients watch."""

    generation: OrderCount = 0
    settings: ReductionSettings = field(default_factory=ReductionSettings)
    watched: WatchedViews = field(default_factory=WatchedViews)

    @property
    def makes_image(self) -> bool:
        """Whether the ranks count an image."""
        image = self.settings.image
        return _makes(image.callbacks, image.made, watched=self.watched.image)

    @property
    def makes_map(self) -> bool:
        """Whether the ranks count a map."""
        rows = self.settings.map
        return _makes(rows.callbacks, rows.made, watched=self.watched.map)

    @property
    def picks(self) -> bool:
        """Whether the ranks count a spectrum of the picked cells of the image."""
        image = self.settings.image
        return image.picked.used and image.callbacks is not ImageCallbacks.DISABLE

    @property
    def counts_pixels(self) -> bool:
        """Whether the ranks count each pixel: for an image, or to find dead and hot ones."""
        return self.makes_image or self.settings.outliers.searched

    @property
    def asks_views(self) -> bool:
        """Whether the ranks count any of these."""
        return self.counts_pixels or self.makes_map or self.picks


def _makes(callbacks: ImageCallbacks, made: ImageMade, *, watched: bool) -> bool:
    return callbacks is ImageCallbacks.ENABLE and (watched or made is ImageMade.ALWAYS)


@dataclass(frozen=True)
class RanksOrder:
    """What the ranks obey.

    - ``revision``: counts up with each order
    - ``resets``: whenever it has changed, the ranks drop the accumulated pulses
    - ``acquisition``: the preset, which the ranks read only when ``starts`` changes
    - ``acquiring``: whether to accumulate, until the preset is reached
    - ``starts``: whenever it has changed, an acquisition starts
    - ``closes``: whenever it has changed, the ranks close the accumulation as a series
    - ``run``: which pulses counted so far. Only ranks that have just started read it: they read the
      event log again from where it begins. None: there is nothing to go on with.
    - ``pulses_revision``: the revision of the last order that changed which pulses count
    - ``begins_ns``: pulses from this time on are the first ones after the last reset or close, if
      they have not been reached yet. `NO_PULSE`: the next pulse is the first one.
    - ``ends_ns``: in the same way, the first pulse after the end of the acquisition
    - ``facility_run``: the run of the facility; one without a key changes nothing
    - ``files``: what was read of the files that the settings of detectors name. Ranks read none.

    A change of one of these counts to 0 has no effect: an IOC that starts while ranks are running
    begins with 0.
    """

    revision: OrderCount = 0
    resets: OrderCount = 0
    control: RunControl = field(default_factory=RunControl)
    reductions: tuple[ReductionOrder, ...] = (ReductionOrder(),)
    acquisition: AcquisitionSettings = field(default_factory=AcquisitionSettings)
    acquiring: bool = True
    starts: OrderCount = 0
    closes: OrderCount = 0
    run: RunState | None = None
    pulses_revision: OrderCount = 0
    begins_ns: PulseTimeNs = NO_PULSE
    ends_ns: PulseTimeNs = NO_PULSE
    facility_run: FacilityRun = field(default_factory=FacilityRun)
    files: tuple[DetectorFile, ...] = ()

"""All settings of the IOC itself, in one dataclass."""

from __future__ import annotations

from dataclasses import dataclass, field

from ioc.model.file_parameters import FileSettings
from ioc.model.ioc_parameters import WatchSettings
from ioc.model.lock_parameters import LockSettings
from ioc.model.run_parameters import FacilityRunSettings


@dataclass(frozen=True)
class DetectorsBefore:
    """What a command puts back, such as ``Red1:Outliers:Unmask``: mask and groups from before.

    ``command`` is a name without prefix. ``groups`` is None if the command leaves them as they are.
    """

    command: str
    mask: str
    groups: str | None = None


@dataclass(frozen=True)
class IocOrder:
    """The settings of files, alarms, scan lock and runs, which the IOC applies itself.

    ``before`` is what commands put back. It is kept with the settings, and no client writes it.
    """

    files: FileSettings = field(default_factory=FileSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    lock: LockSettings = field(default_factory=LockSettings)
    runs: FacilityRunSettings = field(default_factory=FacilityRunSettings)
    before: tuple[DetectorsBefore, ...] = ()

"""All settings of the IOC itself, in one dataclass."""

from __future__ import annotations

from dataclasses import dataclass, field

from ioc.model.file_parameters import FileSettings
from ioc.model.ioc_parameters import WatchSettings
from ioc.model.lock_parameters import LockSettings
from ioc.model.run_parameters import FacilityRunSettings


@dataclass(frozen=True)
class IocOrder:
    """The settings of files, alarms, scan lock and runs, which the IOC applies itself."""

    files: FileSettings = field(default_factory=FileSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    lock: LockSettings = field(default_factory=LockSettings)
    runs: FacilityRunSettings = field(default_factory=FacilityRunSettings)

"""The alarms of channels that several modules use."""

from __future__ import annotations

from typing import NamedTuple

from caproto import AlarmSeverity, AlarmStatus


class Alarm(NamedTuple):
    """What is wrong with a value (EPICS' alarm status), and how bad that is."""

    status: AlarmStatus
    severity: AlarmSeverity


NO_ALARM = Alarm(AlarmStatus.NO_ALARM, AlarmSeverity.NO_ALARM)

REFUSED_ALARM = Alarm(AlarmStatus.WRITE, AlarmSeverity.MAJOR_ALARM)
"""The alarm of a setpoint or command whose last put was refused."""

NOT_IN_FORCE_ALARM = Alarm(AlarmStatus.STATE, AlarmSeverity.MINOR_ALARM)
"""The alarm of the readback of a setting that was put but does not fit others yet."""

DISCONNECTED_ALARM = Alarm(AlarmStatus.COMM, AlarmSeverity.INVALID_ALARM)
"""The alarm of readings of a process that does not report."""

ABSENT_ALARM = Alarm(AlarmStatus.UDF, AlarmSeverity.INVALID_ALARM)
"""The alarm of readings of a slice, group or series that does not exist now."""

"""Alarms of channels that several modules raise."""

from __future__ import annotations

from typing import NamedTuple

from caproto import AlarmSeverity, AlarmStatus


class Alarm(NamedTuple):
    """What is wrong with a value (EPICS' alarm status), and how bad that is."""

    status: AlarmStatus
    severity: AlarmSeverity


NO_ALARM = Alarm(AlarmStatus.NO_ALARM, AlarmSeverity.NO_ALARM)

REFUSED_ALARM = Alarm(AlarmStatus.WRITE, AlarmSeverity.MAJOR_ALARM)
"""Of a setpoint or command whose last put was refused."""

DISCONNECTED_ALARM = Alarm(AlarmStatus.COMM, AlarmSeverity.INVALID_ALARM)
"""Of readings whose part of the program does not report."""

ABSENT_ALARM = Alarm(AlarmStatus.UDF, AlarmSeverity.INVALID_ALARM)
"""Of readings of a slice, group or series beyond the number that there are now."""

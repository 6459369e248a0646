"""The time of a record's value as a channel, as the filter ``ts`` of EPICS Base gives it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from caproto import AccessRights, ChannelType, TimeStamp

from ioc.ca.channels.caproto_channel import CaprotoChannel
from ioc.ca.channels.record_fields import FieldOwner
from ioc.ca.channels.timestamps import EPICS_EPOCH_S
from ioc.records.channel_names import StampForm, StampValue
from ioc.records.scalars import DTYPES, as_text, converted

TIME_TEXTS = {
    StampForm.EPICS_TEXT: "%Y-%m-%d %H:%M:%S.{microseconds:06d}",
    StampForm.ISO_TEXT: "%Y-%m-%dT%H:%M:%S.{microseconds:06d}%z",
}


class StampChannel(CaprotoChannel):
    """The time of a record's value; it has the alarm and the timestamp of the record."""

    def __init__(self, record: FieldOwner, stamp: StampValue) -> None:
        is_text = stamp.form in TIME_TEXTS
        super().__init__(
            alarm=record.alarm,
            value=0.0,
            max_length=2 if stamp.form is StampForm.BOTH else 1,
            reported_record_type=record.reported_record_type,
            max_subscription_backlog=2,
        )
        self.data_type = ChannelType.STRING if is_text else ChannelType.DOUBLE
        self._record, self._stamp = record, stamp

    @property
    def epics_timestamp(self) -> TimeStamp:
        return self._record.epics_timestamp

    @property
    def number(self) -> float | None:
        return self._record.number

    async def read_record(self, data_type: ChannelType) -> tuple[Any, Any]:
        """Metadata and values of the record, in place of its time."""
        metadata, values = await self._record.read(data_type)
        return metadata, values

    def check_access(self, hostname: str, username: str) -> AccessRights:  # noqa: ARG002
        """Nobody may write a time."""
        return AccessRights.READ

    def wire_values(self, target: ChannelType) -> Any:
        """The time in a native type; raises ValueError if it has none of that type."""
        at = self._record.epics_timestamp
        seconds, nanoseconds = int(at.secondsSinceEpoch), int(at.nanoSeconds)
        form = self._stamp.form
        if form in TIME_TEXTS:
            return _converted_text(_text(seconds + EPICS_EPOCH_S, nanoseconds, form), target)
        seconds += EPICS_EPOCH_S if self._stamp.since_1970 else 0
        if form is StampForm.DOUBLE and target is ChannelType.STRING:
            precision = self._record.wire.precision or 0
            return [as_text(seconds + nanoseconds * 1e-9, precision).encode()]
        forms: dict[StampForm, list[float]] = {
            StampForm.DOUBLE: [seconds + nanoseconds * 1e-9],
            StampForm.SECONDS: [seconds],
            StampForm.NANOSECONDS: [nanoseconds],
            StampForm.BOTH: [seconds, nanoseconds],
        }
        numbers = forms[form]
        if target is ChannelType.STRING:
            return [str(each).encode() for each in numbers]
        if target in (ChannelType.DOUBLE, ChannelType.FLOAT):
            return np.array(numbers).astype(DTYPES[target])
        return np.array(numbers).astype(np.int64).astype(DTYPES[target])


def _text(unix_s: int, nanoseconds: int, form: StampForm) -> str:
    """A time as text, in the time zone of this host."""
    microseconds = min((nanoseconds + 500) // 1000, 999_999)
    words = TIME_TEXTS[form].format(microseconds=microseconds)
    return datetime.fromtimestamp(unix_s).astimezone().strftime(words)


def _converted_text(text: str, target: ChannelType) -> Any:
    """The text, or the year with which it begins; raises ValueError for types without texts."""
    if target in (ChannelType.CHAR, ChannelType.ENUM):
        raise ValueError(f"{text} is no number")
    return converted(text if target is ChannelType.STRING else float(text[:4]), target)

"""Turns the data of a Channel Access client into a value that the parameter's spec can check."""

from __future__ import annotations

import math
import re
from typing import Any

from caproto import ChannelType

from ioc.model.wire_type import Limits, WireKind, WireType, wire_type
from reduction.parameters.specs import Refused, Spec

HEXADECIMAL = re.compile(r"\s*[+-]?0[xX][0-9a-fA-F]+\s*")


def received(spec: Spec, data: Any, native: ChannelType) -> Any:
    """The value that a client wrote, as ``spec.checked`` takes it.

    ``data`` is what caproto read: texts in a list, or an array (n,) of the ``native`` type. Raises
    `Refused` if ``data`` is not one value, or names no state of an enum.
    """
    wire = wire_type(spec)
    if wire.is_text:
        return _text(spec, data, native)
    if len(data) != 1:
        raise Refused(spec.pv, f"{len(data)} values", "it takes one")
    one = _terminated(data[0]) if native is ChannelType.STRING else data[0].item()
    return _state(spec, wire, one) if wire.labels else _with_hexadecimal(one)


def received_number(name: str, data: Any, native: ChannelType) -> float:
    """The number that a client wrote to a field; raises `Refused` if it is none."""
    try:
        return float(_terminated(data[0]) if native is ChannelType.STRING else data[0].item())
    except (ValueError, LookupError):
        raise Refused(name, shown_data(data), "it takes a number") from None


def _text(spec: Spec, data: Any, native: ChannelType) -> str:
    if native is ChannelType.CHAR:
        return _terminated(data.tobytes())
    if native is ChannelType.STRING and len(data) == 1:
        return _terminated(data[0])
    raise Refused(spec.pv, shown_data(data), "it takes one text")


def shown_data(data: Any) -> Any:
    """What was put, as a refusal shows it: the value, or how many there are."""
    if len(data) != 1:
        return f"{len(data)} values"
    one = data[0]
    return _terminated(one) if isinstance(one, bytes | str) else one.item()


def _terminated(data: bytes | str) -> str:
    """The text up to the first NUL."""
    text = data if isinstance(data, str) else data.decode("latin-1")
    return text.partition("\0")[0]


def _with_hexadecimal(value: Any) -> Any:
    """``value``, or the number that it is if it is a text such as ``0x1F``."""
    return int(value, 16) if isinstance(value, str) and HEXADECIMAL.fullmatch(value) else value


def _state(spec: Spec, wire: WireType, value: Any) -> Any:
    """The state that a client names by its label or its index, as ``spec.checked`` takes it."""
    states = wire.labels
    index = states.index(value) if value in states else _with_hexadecimal(value)
    if isinstance(index, str) and index.strip().removeprefix("+").isdecimal():
        index = int(index)
    if wire.kind is not WireKind.CHOICE or isinstance(index, str):
        return index
    if index in range(len(states)):
        return states[int(index)]
    known = ", ".join(f"{state} ({number})" for number, state in enumerate(states))
    raise Refused(spec.pv, value, f"it is one of {known}")


def equal_scalars(one: Any, other: Any) -> bool:
    """Whether two scalars are equal; NaN equals NaN."""
    return bool(one == other or (one != one and other != other))


def limit_fields(limits: Limits | None) -> dict[str, Any]:
    """Limits under the names that caproto's channels have for them."""
    if limits is None:
        return {}
    return {
        "lower_disp_limit": limits.low,
        "upper_disp_limit": limits.high,
        "lower_ctrl_limit": limits.low,
        "upper_ctrl_limit": limits.high,
    }


NO_ALARM_LIMITS = dict.fromkeys(
    ("lower_warning_limit", "upper_warning_limit", "lower_alarm_limit", "upper_alarm_limit"),
    math.nan,
)
"""What EPICS Base tells clients of a double without limits for alarms."""

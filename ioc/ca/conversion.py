"""Between a parameter's Python values and what Channel Access carries."""

from __future__ import annotations

from typing import Any

import numpy as np
from caproto import ChannelType
from numpy.typing import NDArray

from reduction.parameters.specs import Array, Choice, Float, Integer, Refused, Spec, Switch, Text


class BigEndianBytes(bytes):
    """The numbers of an array, float64 and big-endian, as they go to every client.

    caproto would copy an array for each; bytes it takes as they are. Like an array, they are as
    long as they have elements.
    """

    def __len__(self) -> int:
        return self.nbytes // 8

    @property
    def nbytes(self) -> int:
        """Their length in bytes."""
        return super().__len__()


def on_wire(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """An array (n,) of ``>f8`` whose memory, a `BigEndianBytes` in ``base``, is sent as it is."""
    return np.frombuffer(BigEndianBytes(array.tobytes()), ">f8") if array.size else array


def labels(spec: Choice | Switch) -> tuple[str, ...]:
    """The states of an EPICS enum, by their index."""
    return tuple(spec.options) if isinstance(spec, Choice) else (spec.off, spec.on)


def served(spec: Spec, value: Any) -> Any:
    """``value`` as its channel holds it; never refuses, for readings are not to fail."""
    match spec:
        case Float():
            return float(value)
        case Integer():
            low, high = spec.INT32.start, spec.INT32.stop - 1
            return min(max(int(value), low), high)
        case Choice():
            return str(value)
        case Switch():
            return labels(spec)[bool(value)]
        case Text():
            return latin1(str(value))[: spec.max_length]
        case Array():
            return on_wire(np.asarray(() if value is None else value, ">f8"))
    raise TypeError(f"{type(spec).__name__} {spec.pv} cannot be served")


def received(spec: Spec, data: Any, native: ChannelType) -> Any:
    """The value that a client wrote, for ``spec.checked`` to judge; raises `Refused`."""
    if isinstance(spec, Text):
        return _text(spec, data, native)
    if len(data) != 1:
        raise Refused(spec.pv, f"{len(data)} values", "it takes one")
    one = _word(data[0]) if native is ChannelType.STRING else data[0].item()
    return _state(spec, one) if isinstance(spec, Choice | Switch) else one


def _text(spec: Text, data: Any, native: ChannelType) -> str:
    if native is ChannelType.CHAR:
        return _word(data.tobytes())
    if native is ChannelType.STRING and len(data) == 1:
        return _word(data[0])
    raise Refused(spec.pv, list(data), "it takes one text")


def _word(data: bytes | str) -> str:
    text = data if isinstance(data, str) else data.decode("latin-1")
    return text.partition("\0")[0]


def _state(spec: Choice | Switch, value: Any) -> Any:
    """The state that a client names by its label or its index, as ``spec.checked`` takes it."""
    states = labels(spec)
    index = states.index(value) if value in states else value
    if isinstance(index, str) and index.isdecimal():
        index = int(index)
    if isinstance(spec, Switch) or isinstance(index, str):
        return index
    if index in range(len(states)):
        return states[int(index)]
    known = ", ".join(f"{state} ({at})" for at, state in enumerate(states))
    raise Refused(spec.pv, value, f"it is one of {known}")


def latin1(text: str) -> str:
    """``text`` with what Channel Access cannot carry replaced."""
    return text.replace("…", "...").encode("latin-1", "replace").decode("latin-1")


def same(one: Any, other: Any) -> bool:
    """Whether two scalars say the same; a NaN says what another one does."""
    return bool(one == other or (one != one and other != other))


def limits(spec: Float | Integer) -> dict[str, Any]:
    """The limits that a channel shows, under caproto's names."""
    low, high = spec.minimum, spec.maximum
    if isinstance(spec, Integer) and (low is None) != (high is None):
        low = spec.INT32.start if low is None else low
        high = spec.INT32.stop - 1 if high is None else high
    # To clients equal limits are none, so half of a pair is better not shown at all.
    if low is None or high is None:
        return {}
    return {
        "lower_disp_limit": low,
        "upper_disp_limit": high,
        "lower_ctrl_limit": low,
        "upper_ctrl_limit": high,
    }

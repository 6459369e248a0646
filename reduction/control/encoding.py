"""Orders and reports as bytes: MessagePack by their annotations, with arrays as raw bytes."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np

MessageT = TypeVar("MessageT")

OrderCount = Annotated[int, msgspec.Meta(ge=-1, le=2**62)]
"""What counts orders, or what they change; it fits arrays of int64."""

ARRAY_DTYPES = {
    dtype.str: dtype
    for dtype in map(np.dtype, ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"))
}
"""The types that arrays in messages may have. numpy evaluates texts such as ``,0,2``."""

MOST_AXES = 4
LONGEST_REASON = 200

CANNOT_BE = (
    *(msgspec.DecodeError, ValueError, TypeError, OverflowError),
    *(RecursionError, MemoryError),
)
"""What decoding raises for bytes that are no message, whatever they are."""


class MessageNotUnderstood(ValueError):
    """A message that is not what it should be, with the reason."""


def encoded(message: object) -> bytes:
    """``message``, a dataclass, as MessagePack."""
    return msgspec.msgpack.encode(message, enc_hook=_array_out)


def decoded(kind: type[MessageT], data: bytes) -> MessageT:
    """The message in ``data``; raises `MessageNotUnderstood` if it is not of that ``kind``."""
    try:
        return msgspec.msgpack.decode(data, type=kind, dec_hook=_array_in)
    except CANNOT_BE as error:
        why = str(error)[:LONGEST_REASON] or type(error).__name__
        raise MessageNotUnderstood(why) from None


def _array_out(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _array_in(_kind: type, value: Any) -> Any:
    text, shape, data = value
    dtype = ARRAY_DTYPES.get(text)
    if dtype is None or len(shape) > MOST_AXES or min(shape, default=0) < 0:
        raise ValueError("an array of another kind")
    return np.frombuffer(data, dtype).reshape(shape)

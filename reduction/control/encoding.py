"""Orders and reports as bytes: MessagePack by their annotations, with arrays as raw bytes.

A report may be several frames. Its large arrays are frames of their own then, so that they are
copied neither when the report is encoded nor when it is decoded.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

MessageT = TypeVar("MessageT")

FrameBytes = bytes | memoryview

OrderCount = Annotated[int, msgspec.Meta(ge=-1, le=2**62)]
"""What counts orders, or what they change; it fits arrays of int64."""

ARRAY_DTYPES = {
    dtype.str: dtype
    for dtype in map(np.dtype, ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"))
}
"""The types that arrays in messages may have. numpy evaluates texts such as ``,0,2``."""

FRAME_BYTES = 1 << 16
"""An array of so many bytes is a frame of its own."""

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


def encoded_frames(message: object) -> tuple[bytes, list[NDArray[Any]]]:
    """``message``, a dataclass, as MessagePack, and its large arrays, which must not change."""
    arrays: list[NDArray[Any]] = []
    body = msgspec.msgpack.encode(message, enc_hook=functools.partial(_array_out, arrays=arrays))
    return body, arrays


def decoded(kind: type[MessageT], data: FrameBytes, arrays: Sequence[FrameBytes] = ()) -> MessageT:
    """The message in ``data``, given its large ``arrays``, whose memory it shares.

    Raises `MessageNotUnderstood` if it is not of that ``kind``.
    """
    array_in = functools.partial(_array_in, arrays=arrays)
    try:
        return msgspec.msgpack.decode(data, type=kind, dec_hook=array_in)
    except CANNOT_BE as error:
        why = str(error)[:LONGEST_REASON] or type(error).__name__
        raise MessageNotUnderstood(why) from None


def _array_out(value: Any, arrays: list[NDArray[Any]] | None = None) -> Any:
    """What stands for a value: for an array its type, its shape, and its bytes or frame."""
    if isinstance(value, np.ndarray):
        if arrays is None or value.nbytes < FRAME_BYTES:
            return (value.dtype.str, value.shape, value.tobytes())
        arrays.append(np.ascontiguousarray(value))
        return (value.dtype.str, value.shape, len(arrays) - 1)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _array_in(_kind: type, value: Any, arrays: Sequence[FrameBytes] = ()) -> Any:
    text, shape, data = value
    dtype = ARRAY_DTYPES.get(text)
    if dtype is None or len(shape) > MOST_AXES or min(shape, default=0) < 0:
        raise ValueError("an array of another kind")
    if isinstance(data, int):
        if not 0 <= data < len(arrays):
            raise ValueError("an array that is missing")
        data = arrays[data]
    array = np.frombuffer(data, dtype).reshape(shape)
    array.flags.writeable = False
    return array

"""The C client library of Channel Access, as C programs use it, without copies of what comes.

Callbacks run in threads of the library's own, one for each connection.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from epicscorelibs.path import get_lib

DBR_DOUBLE, DBR_TIME_DOUBLE = 6, 20
NATIVE = ("string", "short", "float", "enum", "char", "long", "double")
"""The native types, by their number."""

TIME_DOUBLE_VALUE = 16
"""Where the value begins in a ``struct dbr_time_double``, in bytes."""

NORMAL = 1
"""ECA_NORMAL: the status of what went well."""

WITH_THREADS, DBE_VALUE, PRIORITY = 1, 1, 0
PATIENCE_S = 60.0


class Event(ctypes.Structure):
    """``struct event_handler_args``: what a callback is told."""

    _fields_ = (
        ("user", ctypes.c_void_p),
        ("channel", ctypes.c_void_p),
        ("type", ctypes.c_long),
        ("count", ctypes.c_long),
        ("data", ctypes.c_void_p),
        ("status", ctypes.c_int),
    )


Handler = ctypes.CFUNCTYPE(None, Event)


@cache
def library() -> Any:
    """The library, with the types of what is called here."""
    ca = ctypes.CDLL(get_lib("ca"))
    pointer, number, real, count = ctypes.c_void_p, ctypes.c_long, ctypes.c_double, ctypes.c_ulong
    ca.ca_pend_io.argtypes = ca.ca_pend_event.argtypes = (real,)
    ca.ca_create_channel.argtypes = (ctypes.c_char_p, pointer, pointer, ctypes.c_uint, pointer)
    ca.ca_field_type.argtypes = ca.ca_element_count.argtypes = (pointer,)
    ca.ca_element_count.restype = count
    ca.ca_array_get_callback.argtypes = (number, count, pointer, Handler, pointer)
    ca.ca_array_put_callback.argtypes = (number, count, pointer, pointer, Handler, pointer)
    ca.ca_create_subscription.argtypes = (
        *(number, count, pointer, number, Handler),
        *(pointer, pointer),
    )
    ca.ca_current_context.restype = pointer
    ca.ca_attach_context.argtypes = (pointer,)
    ca.ca_add_exception_event.argtypes = (pointer, pointer)
    return ca


_Ignored = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_ignored = _Ignored(lambda _: None)


@dataclass(frozen=True)
class Channel:
    """A connected process variable: its handle, its native type, and its most elements."""

    name: str
    handle: int
    native: int
    count: int


class CaContext:
    """One client: a context with connections of its own. Threads enter it by `attach`."""

    def __init__(self) -> None:
        self._ca = library()
        self._ca.ca_detach_context()
        _expect(self._ca.ca_context_create(WITH_THREADS), "a context")
        _expect(self._ca.ca_add_exception_event(_ignored, None), "an exception handler")
        self._context = self._ca.ca_current_context()
        self._handlers: list[Any] = []

    def attach(self) -> None:
        """Let the calling thread speak for this client."""
        self._ca.ca_detach_context()
        _expect(self._ca.ca_attach_context(self._context), "to attach")

    def connect(self, names: Sequence[str]) -> list[Channel]:
        """The channels of ``names``; raises TimeoutError if one is not there."""
        handles = []
        for name in names:
            handle = ctypes.c_void_p()
            made = self._ca.ca_create_channel(
                name.encode(), None, None, PRIORITY, ctypes.byref(handle)
            )
            _expect(made, name)
            handles.append(handle.value or 0)
        if self._ca.ca_pend_io(PATIENCE_S) != NORMAL:
            raise TimeoutError(f"not connected to all of {names[0]} ... within {PATIENCE_S:g} s")
        return [
            Channel(name, handle, self._ca.ca_field_type(handle), self._ca.ca_element_count(handle))
            for name, handle in zip(names, handles, strict=True)
        ]

    def monitor(self, channel: Channel, handler: Any, user: int | None = None) -> None:
        """Call ``handler`` (a `Handler`) with every update, all of its elements, as TIME_DOUBLE.

        ``user`` is the pointer that it is told.
        """
        self._handlers.append(handler)
        asked = (DBR_TIME_DOUBLE, 0, channel.handle, DBE_VALUE, handler, user, None)
        _expect(self._ca.ca_create_subscription(*asked), channel.name)
        self._ca.ca_flush_io()

    def get(self, channel: Channel, dbr: int, handler: Any) -> None:
        """Ask for the value, for ``handler`` to be told."""
        _expect(self._ca.ca_array_get_callback(dbr, 0, channel.handle, handler, None), channel.name)
        self._ca.ca_flush_io()

    def put(self, channel: Channel, dbr: int, count: int, data: Any, handler: Any, tag: int) -> int:
        """Send a value, ``tag`` and its outcome are told to ``handler``; the library's status.

        What the library itself refuses is not sent, and nobody is told.
        """
        return int(self._ca.ca_array_put_callback(dbr, count, channel.handle, data, handler, tag))

    def flush(self) -> None:
        """Send what waits."""
        self._ca.ca_flush_io()

    def close(self) -> None:
        """End all that it has; this thread must be attached."""
        self._ca.ca_context_destroy()
        self._handlers.clear()


def _expect(status: int, what: str) -> None:
    if status != NORMAL:
        raise OSError(f"libca refuses {what} with status {status}")


def handler(told: Callable[[Any], None]) -> Any:
    """``told`` for the library to call; who passes it on must keep it."""
    return Handler(told)

"""The first frame of each message on a control channel: who sends it."""

from __future__ import annotations

import functools
import os
import socket
from importlib.metadata import version
from typing import Annotated

import msgspec

from reduction.control.encoding import MessageNotUnderstood, decoded

DISTRIBUTION = "epics-live-reduction"

PROTOCOL = 1
"""Counts up when messages change so that others could not understand them."""

Word = Annotated[str, msgspec.Meta(max_length=80)]


class Hello(msgspec.Struct, array_like=True, frozen=True):
    """The sender of a message: what it is, of which version, and which process on which host.

    A later version may have more fields; they are ignored.
    """

    protocol: int
    part: Word
    version: Word
    host: Word
    process: int

    @property
    def words(self) -> str:
        """The sender, for messages to people: a part of one line."""
        text = f"{self.part} of version {self.version} on {self.host}, process {self.process}"
        return "".join(each if each.isprintable() else "?" for each in text)


@functools.cache
def own_hello(part: str) -> Hello:
    """The first frame of messages of this process, as ``part`` of the program."""
    return Hello(PROTOCOL, part, version(DISTRIBUTION), socket.gethostname()[:80], os.getpid())


def hello_in(frame: bytes) -> Hello:
    """The sender that a frame names; raises `MessageNotUnderstood`, also for another protocol."""
    hello = decoded(Hello, frame)
    if hello.protocol != PROTOCOL:
        raise MessageNotUnderstood(
            f"{hello.words} speaks protocol {hello.protocol}, and this process {PROTOCOL}:"
            " have the same version of the program on all hosts"
        )
    return hello

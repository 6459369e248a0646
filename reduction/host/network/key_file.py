"""The key with which the parts of the program know each other on a network.

All parts have the same secret key of CurveZMQ (https://rfc.zeromq.org/spec/26/): whoever binds is
the server of its pair, and whoever connects has to show the same pair. Nothing that is sent can be
read without it. It is a file that only its owner can read.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zmq

from reduction.host.file_system.regular_files import open_regular_file

KEY_BYTES = 40
"""Length of a secret key in Z85, https://rfc.zeromq.org/spec/32/."""

NOBODY_ELSE = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Key:
    """A secret key in Z85; it is not shown when this object is printed."""

    secret: bytes

    @property
    def public(self) -> bytes:
        """The public key that belongs to it, in Z85."""
        return bytes(zmq.curve_public(self.secret))

    def __repr__(self) -> str:
        return "Key(…)"


class KeyRefused(ValueError):
    """A key file that cannot be used, with the reason; nothing of the file is in it."""


def read_key(path: Path) -> Key:
    """The key in a file; raises `KeyRefused`."""
    try:
        with open_regular_file(path) as file:
            found, text = os.fstat(file.fileno()), file.read(KEY_BYTES + 2).strip()
    except OSError as error:
        raise KeyRefused(f"{path}: {error.strerror}") from None
    if found.st_mode & NOBODY_ELSE or found.st_uid != os.getuid():
        raise KeyRefused(f"{path}: others may read it, or it is another user's: chmod 600 {path}")
    key = Key(text)
    try:
        _ = key.public
    except (zmq.ZMQError, ValueError, TypeError):
        raise KeyRefused(f"{path}: it holds no key") from None
    return key


def make_key(path: Path) -> Key:
    """A new key, in a file that only its owner can read; raises `KeyRefused`.

    If the file is there already, the key is the one in it.
    """
    _, secret = zmq.curve_keypair()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, made = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 600
        part = Path(made)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secret + b"\n")
            with suppress(FileExistsError):
                os.link(part, path)  # of two that make one at a time, both have the first
        finally:
            part.unlink()
    except OSError as error:
        raise KeyRefused(f"{path}: no key can be made there: {error.strerror}") from None
    return read_key(path)

"""The logs of the server and of a client's connection."""

from __future__ import annotations

import logging
import sys
from typing import Any

from caproto import CaprotoError


class CircuitLog(logging.LoggerAdapter[Any]):
    """The log of a connection: what a client does wrong is one line, without a traceback."""

    def exception(self, msg: object, *args: object, **more: Any) -> None:
        """Log an exception as caproto does, unless it is for a message against the protocol."""
        error = sys.exc_info()[1]
        if isinstance(error, CaprotoError):
            words = str(error).partition("\n")[0]
            self.warning("a client breaks the protocol: %s", words)
        else:
            super().exception(msg, *args, **more)


class LoopbackLog(logging.LoggerAdapter[Any]):
    """The log of a server on loopback: that it cannot tell other hosts of itself is no error.

    It does not want to, and without a network caproto cannot open the socket for it.
    """

    def error(self, msg: object, *args: object, **more: Any) -> None:
        """Log an error as caproto does, unless it is that of a socket for beacons."""
        if str(msg).startswith("Beacon "):
            self.debug(msg, *args, **more)
        else:
            super().error(msg, *args, **more)

"""The log of a client's connection."""

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

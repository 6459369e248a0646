"""The token and the sockets, which a child process of ``run`` gets in environment variables.

Other users of the host can read a command line, but no environment.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping, Sequence

TOKEN_VARIABLE = "LIVE_REDUCTION_WEB_TOKEN"
"""Environment variable with the token; a random one is made if it is not set."""

SOCKETS_VARIABLE = "LIVE_REDUCTION_WEB_SOCKETS"
"""Environment variable with the file descriptors of sockets that listen, by commas."""


def new_token() -> str:
    """A random token."""
    return secrets.token_urlsafe(24)


def child_environment(token: str, sockets: Sequence[socket.socket]) -> dict[str, str]:
    """The environment variables that pass the token and the sockets on to a child process."""
    numbers = ",".join(str(each.fileno()) for each in sockets)
    return {TOKEN_VARIABLE: token, SOCKETS_VARIABLE: numbers}


def given_token(environment: Mapping[str, str]) -> str:
    """The token that this process was given; a new one if it was given none."""
    return environment.get(TOKEN_VARIABLE) or new_token()


def given_sockets(environment: Mapping[str, str]) -> list[socket.socket]:
    """The sockets that this process was given; none if it is nobody's child."""
    numbers = environment.get(SOCKETS_VARIABLE, "")
    return [socket.socket(fileno=int(number)) for number in numbers.split(",") if number]

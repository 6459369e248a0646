"""Who may write which process variables. Everybody may read all of them."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


class Asg(enum.StrEnum):
    """The access security groups of the process variables, as their field ``.ASG`` tells."""

    DEFAULT = "DEFAULT"
    CONFIGURATION = "CONFIGURATION"
    OPERATION = "OPERATION"
    SIMULATOR = "SIMULATOR"


@dataclass(frozen=True)
class Client:
    """Who puts: the IP address that it speaks from, and the user that it claims to be."""

    host: str
    user: str

    def __str__(self) -> str:
        return f"{self.user}@{self.host}"


@dataclass(frozen=True)
class Rule:
    """Who of some users on some hosts, by IP address, may write; None: all of them."""

    users: frozenset[str] | None = None
    hosts: frozenset[str] | None = None

    def __contains__(self, client: Client) -> bool:
        return (self.users is None or client.user in self.users) and (
            self.hosts is None or plain_address(client.host) in self.hosts
        )


@dataclass(frozen=True)
class Rules:
    """The rules to write, by group; a group that is not there has those of DEFAULT."""

    writing: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)

    def may_write(self, asg: str, host: str, user: str) -> bool:
        """Whether a user at an IP address may write what is in a group."""
        rules = self.writing.get(asg, self.writing.get(Asg.DEFAULT, ()))
        return any(Client(host, user) in rule for rule in rules)


EVERYBODY = Rules({Asg.DEFAULT: (Rule(),)})
NOBODY = Rules()


def plain_address(text: str) -> str:
    """An IP address as all write it; raises ValueError for what is none."""
    address = ipaddress.ip_address(text)
    return str(getattr(address, "ipv4_mapped", None) or address)


def at_any_time(_: Client) -> None:
    """Admits everybody."""


@dataclass(frozen=True)
class Guard:
    """Who may put to one process variable, on whatever protocol.

    ``admit`` is told of each put of who may, before it is done, and raises `Refused` if not now.
    """

    asg: Asg = Asg.DEFAULT
    rules: Rules = EVERYBODY
    admit: Callable[[Client], None] = at_any_time

    def may_write(self, client: Client) -> bool:
        """Whether a client may write it, which it is told when it connects."""
        return self.rules.may_write(self.asg, client.host, client.user)

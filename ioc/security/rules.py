"""Rules that say who may write which process variables. Everybody may read all of them."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

LONGEST_SHOWN_NAME = 60
"""Most characters of a name that a client claims which a message shows."""


class Asg(enum.StrEnum):
    """The access security groups; the field ``.ASG`` of a process variable names its group."""

    DEFAULT = "DEFAULT"
    CONFIGURATION = "CONFIGURATION"
    OPERATION = "OPERATION"
    SIMULATOR = "SIMULATOR"


@dataclass(frozen=True)
class Client:
    """The client that puts: its IP address, and the user name that it claims."""

    host: str
    user: str

    def __str__(self) -> str:
        return f"{shown_name(self.user)}@{self.host}"


@dataclass(frozen=True)
class Rule:
    """Lets some users on some hosts write; None: all users, or all hosts (by IP address)."""

    users: frozenset[str] | None = None
    hosts: frozenset[str] | None = None

    def __contains__(self, client: Client) -> bool:
        return (self.users is None or client.user in self.users) and (
            self.hosts is None or plain_address(client.host) in self.hosts
        )


@dataclass(frozen=True)
class Rules:
    """The rules for writing, by access group; a group without rules has those of DEFAULT."""

    writing: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)

    def may_write(self, asg: str, host: str, user: str) -> bool:
        """Whether a user may write the process variables of a group; ``host`` is an IP address."""
        rules = self.writing.get(asg, self.writing.get(Asg.DEFAULT, ()))
        return any(Client(host, user) in rule for rule in rules)


EVERYBODY = Rules({Asg.DEFAULT: (Rule(),)})
NOBODY = Rules()


def plain_address(text: str) -> str:
    """An IP address in its usual form, IPv4-mapped IPv6 as IPv4; raises ValueError."""
    address = ipaddress.ip_address(text)
    return str(getattr(address, "ipv4_mapped", None) or address)


def shown_name(claimed: str) -> str:
    """A name that a client claims, as messages show it: a part of one line."""
    short = claimed[:LONGEST_SHOWN_NAME] + "…" * (len(claimed) > LONGEST_SHOWN_NAME)
    return "".join(each if each.isprintable() else "?" for each in short)


def admit_all(_: Client) -> None:
    """Accepts every put."""


@dataclass(frozen=True)
class Guard:
    """Decides who may put to one process variable, on Channel Access and on pvAccess.

    ``admit`` is called before each put of a client that may write. It raises `Refused` if the put
    is not allowed now, for example because another client holds the scan lock.
    """

    asg: Asg = Asg.DEFAULT
    rules: Rules = EVERYBODY
    admit: Callable[[Client], None] = admit_all

    def may_write(self, client: Client) -> bool:
        """Whether a client may write; clients are told this when they connect."""
        return self.rules.may_write(self.asg, client.host, client.user)

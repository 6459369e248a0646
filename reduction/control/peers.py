"""Who may report to the IOC: one peer is in force, and what others send changes nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from reduction.control.hello import Hello, own_hello
from reduction.host.network.ignored_messages import IgnoredMessages

MOST_FORMER = 64
"""So many peers that were forgotten are known, so that their reports on the way are ignored."""


LONGEST_GAP_S = 2.0
"""If this process does not look for longer, it was stopped or starved, and peers were not silent.

It looks once a second, and at each message.
"""


class Peers:
    """The peer in force on a control channel, and what others have sent.

    A peer is in force from its first report on, until it is forgotten or silent for ``patience_s``.
    Others have to wait until then. All have to be the ``part`` of the program that the channel is
    for. ``clock_s`` is monotonic.
    """

    def __init__(self, part: str, patience_s: float, clock_s: Callable[[], float]) -> None:
        self._part, self._patience_s, self._clock_s = part, patience_s, clock_s
        self.current: bytes | None = None
        self._hello: Hello | None = None
        self._heard_s, self._silence_s = 0.0, patience_s
        self._looked_s = clock_s()
        self._former: deque[bytes] = deque(maxlen=MOST_FORMER)
        self.incarnation = 0
        """How many peers have been in force: another number means another process."""
        self._ignored = IgnoredMessages(clock_s)

    def refusal(self, peer: bytes, hello: Hello) -> str | None:
        """Why a peer may not be in force: words for it, empty if it is to be told nothing.

        None if it is in force or may be.
        """
        self.look()
        if peer in self._former:
            return ""
        if hello.part != self._part:
            why = f"{hello.words} reports where {self._part} do: it is ignored"
        elif peer != self.current and self._hello is not None and not self._is_silent:
            why = f"{hello.words} has to wait: the IOC has {self._hello.words}"
        else:
            return None
        self.ignore(why)
        return why

    def look(self) -> None:
        """Note that this process runs; to be called once a second.

        The time for which it did not run is no silence of the peer in force: what that peer sent
        meanwhile may come after a message of another one.
        """
        now_s = self._clock_s()
        if now_s - self._looked_s > LONGEST_GAP_S:
            self._heard_s += now_s - self._looked_s
        self._looked_s = now_s

    @property
    def _is_silent(self) -> bool:
        return self._clock_s() - self._heard_s > self._silence_s

    def take(self, peer: bytes, hello: Hello, silence_s: float | None = None) -> bool:
        """Note a report of a peer that is in force from now on; whether it was not before.

        Until its next one it may be silent for ``silence_s``; None: for the usual time.
        """
        self._heard_s = self._clock_s()
        self._silence_s = self._patience_s if silence_s is None else silence_s
        if peer == self.current:
            return False
        if self.current is not None:
            self._former.append(self.current)
        self.current, self._hello = peer, hello
        self.incarnation += 1
        return True

    def forget(self) -> None:
        """Note that the peer in force is gone."""
        if self.current is not None:
            self._former.append(self.current)
        self.current = self._hello = None

    def ignore(self, why: str) -> None:
        """Count a message that changes nothing, for a reason in words."""
        self._ignored.note(why)

    @property
    def ignored(self) -> int:
        """How many messages were ignored."""
        return self._ignored.count

    @property
    def problem(self) -> str:
        """What was last ignored, in words, and whether the peer has another version."""
        own, found = own_hello("ioc"), list[str]()
        if self._hello is not None and self._hello.version != own.version:
            found.append(f"{self._hello.words} obey an IOC of version {own.version}")
        return "; ".join(filter(None, (*found, self._ignored.problem)))

"""The limits of what visitors may cost the server. Each is set here only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WebLimits:
    """How much visitors may send, open and leave unread; tests set smaller limits."""

    connections: int = 500
    """TCP connections that are open at a time."""

    connections_of_address: int = 150
    """TCP connections of one IP address."""

    idle_s: float = 15.0
    """Seconds after which a connection without a request is closed."""

    requests_per_s: float = 100.0
    """Requests a second of one IP address, in the long run."""

    request_burst: int = 1000
    """Requests of one IP address at once; the page has some dozens of files."""

    sockets: int = 200
    """WebSockets of visitors without the token."""

    sockets_of_address: int = 60
    """WebSockets of one IP address without the token."""

    trusted_sockets: int = 60
    """WebSockets with the token; they have a limit of their own, so that others keep none out."""

    message_bytes: int = 1 << 17
    """Longest message of a visitor."""

    messages_per_s: float = 50.0
    """Messages a second of one WebSocket, in the long run; further ones wait."""

    message_burst: int = 200
    """Messages of one WebSocket at once."""

    refused_messages: int = 200
    """Messages that are refused, or too many, until the WebSocket is closed.

    One a second is forgiven.
    """

    subscriptions: int = 1500
    """Subscriptions of one WebSocket."""

    rare_pvs: int = 5000
    """Rare process variables, as of slices, that are open for all visitors without the token."""

    rare_names_ever: int = 20_000
    """Different ones that such visitors open as long as the server runs.

    The IOC makes the channels of slices, groups and series when they are first asked for, and keeps
    them.
    """

    puts_at_once: int = 20
    """Puts of one WebSocket that wait for the IOC."""

    put_s: float = 60.0
    """Longest wait for the answer to a put, in seconds; the IOC itself gives up after 30."""

    recent_results: int = 50
    """Results that were sent last and may be frozen: at 5 a second those of 10 s."""

    recent_result_bytes: int = 1 << 24
    """Bytes of the arrays of these; 9 results of 46 000 bins."""

    references: int = 200
    """Frozen references that are kept; as many more of visitors without the token."""

    reference_bytes: int = 1 << 26
    """Bytes of these, and of those of the others; 87 references of 46 000 bins."""

    references_per_s: float = 0.2
    """References that one IP address may freeze a second, in the long run."""

    reference_burst: int = 20
    """References of one IP address at once."""

    unsent_answers_bytes: int = 1 << 20
    """Answers that wait to be sent; a visitor with more does not read and is disconnected."""

    send_s: float = 20.0
    """Longest time that one message may take to be sent; then the visitor counts as gone."""

    unread_s: float = 40.0
    """Longest time that what was written to a connection waits to be read; then it is cut."""

    heartbeat_s: float = 20.0
    """Seconds between pings of a WebSocket; without an answer it counts as gone."""

    period_s: float = 0.1
    """Shortest time between two sets of updates of a WebSocket, in seconds."""

    slowest_period_s: float = 60.0
    """Longest such time that a visitor can ask for."""


DEFAULT_LIMITS = WebLimits()

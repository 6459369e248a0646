"""Serving many clients: C clients of this program's server, of stock caproto and of a C IOC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.many_clients.servers import Work
from benchmarks.many_clients.stand import EACH, WATCHING, Seen, stand
from benchmarks.rows import Row

WHOSE = ("ours", "caproto", "softioc")
CLIENTS = WATCHING * EACH
SPECTRA = Work(arrays=2, elements=50_000, scalars=0, rate_hz=14)
SCALARS = Work(arrays=0, elements=1, scalars=200, rate_hz=10)
LARGE = Work(arrays=1, elements=500_000, scalars=0, rate_hz=14)
VISITED = Work(arrays=2, elements=1000, scalars=8, rate_hz=14)
WARM_UP_VISITS, VISITS = 200, 1000
FLAT_BYTES = 1000
"""Growth for each client that is none: an allocator's pages make as much of nothing."""


@dataclass(frozen=True)
class Claim:
    """One figure of all servers: how to find it, its unit, and what ours is to be.

    ``least`` turns the target into a lower limit.
    """

    what: str
    figure: Callable[[Seen], float]
    unit: str
    target: float | None = None
    least: bool = False


def measure(quick: bool) -> list[Row]:
    """The rows of all kinds of work."""
    seconds = 3.0 if quick else 8.0
    return [
        *_rows(SPECTRA, "2 of 3 spectra of 50 000 bins, 14 Hz", _spectra(), seconds),
        *_rows(SCALARS, "200 scalars, 10 Hz", _scalars(), seconds),
        *_rows(LARGE, "500 000 elements, 14 Hz", _large(), seconds),
        _visits(VISITS // 10 if quick else VISITS),
    ]


def _spectra() -> list[Claim]:
    return [
        _delivered(SPECTRA, 100),
        Claim("server, cores", lambda seen: seen.cores, "", 0.2),
        Claim("age at arrival, p99", lambda seen: _ms(seen.age_s, 99), "ms", 20),
        Claim("`caput -c` meanwhile, p99", lambda seen: _ms(seen.puts_s, 99), "ms", 10),
    ]


def _scalars() -> list[Claim]:
    return [
        _delivered(SCALARS),
        Claim("client with fewest over client with most", _evenness, "", 0.9, least=True),
        Claim("server, cores", lambda seen: seen.cores, "", 0.15),
        Claim("age at arrival, p99", lambda seen: _ms(seen.age_s, 99), "ms", 20),
        Claim("`caput -c` meanwhile, p99", lambda seen: _ms(seen.puts_s, 99), "ms", 50),
    ]


def _large() -> list[Claim]:
    return [
        _delivered(LARGE),
        Claim("age at arrival, median", lambda seen: _ms(seen.age_s, 50), "ms", 40),
        Claim("memory over idle server", lambda seen: seen.growth_bytes / 1e6, "MB", 100),
        Claim("server, cores", lambda seen: seen.cores, ""),
        Claim("`caput -c` meanwhile, p99", lambda seen: _ms(seen.puts_s, 99), "ms"),
    ]


def _delivered(work: Work, target: float | None = None) -> Claim:
    """The share of updates that the client with the fewest has; a tick more or less is none."""

    def share(seen: Seen) -> float:
        due = len(work.changing) * (int(seen.seconds * work.rate_hz) - 1)
        return min(100 * float(seen.updates.min()) / due, 100)

    return Claim("delivered to the client with fewest", share, "%", target, least=True)


def _evenness(seen: Seen) -> float:
    return float(seen.updates.min() / max(seen.updates.max(), 1))


def _ms(seconds: NDArray[np.float64], percentile: float) -> float:
    """A percentile in ms; NaN of nothing."""
    return float(np.percentile(1e3 * seconds, percentile)) if seconds.size else float("nan")


def _rows(work: Work, words: str, claims: list[Claim], seconds: float) -> list[Row]:
    seen = {}
    for whose in WHOSE:
        with stand(whose, work) as server:
            seen[whose] = server.watched([*work.changing, *work.still], seconds)
    begins = [f"{words}, to {CLIENTS} clients: ", *["… "] * (len(claims) - 1)]
    return [_row(begin, claim, seen) for begin, claim in zip(begins, claims, strict=True)]


def _row(begin: str, claim: Claim, seen: Mapping[str, Seen]) -> Row:
    figures = {whose: claim.figure(each) for whose, each in seen.items()}
    ours = figures["ours"]
    target, met = "", None
    if claim.target is not None:
        target = f"{'≥' if claim.least else '≤'} {_shown(claim.target, claim.unit)}"
        met = ours >= claim.target if claim.least else ours <= claim.target
    return Row(
        begin + claim.what,
        _shown(ours, claim.unit),
        target,
        met,
        ", ".join(f"{whose}: {_shown(figures[whose], claim.unit)}" for whose in WHOSE[1:]),
        ", ".join(f"{figures[whose] / ours:.2g}" if ours else "" for whose in WHOSE[1:]),
    )


def _shown(figure: float, unit: str) -> str:
    if np.isnan(figure):
        return "none came"
    return f"{figure:.3g} {unit}".strip()


def _visits(visits: int) -> Row:
    """Clients that come and go, one after the other."""
    grown = {whose: _growth_bytes(whose, visits) for whose in WHOSE}
    return Row(
        f"{visits} clients that connect to 10 PVs and go: memory grows, for each",
        f"{grown['ours']:.0f} B",
        f"< {FLAT_BYTES} B",
        grown["ours"] < FLAT_BYTES,
        ", ".join(f"{whose}: {grown[whose]:.0f} B" for whose in WHOSE[1:]),
    )


def _growth_bytes(whose: str, visits: int) -> float:
    names = [*VISITED.changing, *VISITED.still][-10:]
    with stand(whose, VISITED) as server:
        server.visited(WARM_UP_VISITS, names)
        before = server.resident_bytes
        server.visited(visits, names)
        return (server.resident_bytes - before) / visits

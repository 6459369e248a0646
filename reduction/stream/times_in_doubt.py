"""Limits by which the time of a pulse is believed or in doubt, in both dialects."""

FIRST_AHEAD_NS = 100_000_000
"""The first pulse, which has no neighbours, is believed at once if it is no further ahead."""

ALONE_AHEAD_NS = 5_000_000_000
"""A pulse that no other one contradicts is possible if it is no further ahead of the clock."""

FIRST_PERIOD_NS = 1_000_000_000
"""Longest time between pulses that is believed before two pulses show the usual time."""

CONFIRMING = 3
"""This number of pulses in a row is believed if each follows from the one before."""

WAIT_NS = 2_000_000_000
"""Pulses in doubt are believed if no other one has contradicted them for this time."""

"""Orders to the ranks, their reports, and the channel that carries both.

Imports `reduction.parameters` and `reduction.stream`. Front door: `reduction.control.channel`.
"""

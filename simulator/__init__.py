"""A simulated powder diffractometer that streams events pulse by pulse.

Imports `reduction`. Front door: `simulator.stream`.
"""

"""A simulated powder diffractometer that streams events pulse by pulse.

What is simulated is in `simulator.powder`, the events of a pulse are made in `simulator.events`,
and go out by `simulator.output`. Imports `reduction`. Front door: `simulator.stream`.
"""

"""The events of a pulse: drawn from tables of Bragg lines and pixels, by a seed alone.

Imports powder and parameters. Front door: `simulator.events.pulses`.
"""

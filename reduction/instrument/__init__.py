"""The table of detectors, which of them count (masks, groups), and their calibration.

Imports `reduction.parameters` and `reduction.host`. Front door: `reduction.instrument.geometry`.
"""

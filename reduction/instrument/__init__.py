"""The table of detectors, which of them count (masks, groups), and their calibration.

Imports `reduction.detector_files`, `reduction.parameters` and `reduction.host`. Front door:
`reduction.instrument.geometry`. `reduction.instrument.load_files` reads files that settings name.
"""

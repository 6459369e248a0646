"""Readers of files about detectors: calibrations, masks and groups, in the formats of facilities.

Imports nothing of the project. Front door: `reduction.detector_files.read`. What a reader refuses
it names by place, such as a line, and never by what stands there: the file may be a secret.
"""

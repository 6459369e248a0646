"""What clients see of a result: spectra, normalisation, references, regions and peaks.

Imports `reduction.control`, `reduction.files`, `reduction.instrument` and `reduction.parameters`.
Front door: `reduction.results.views`, which makes the values of the process variables.
"""

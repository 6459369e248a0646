"""From cells to what is shown: spectra, normalisation, references, regions and peaks.

Imports `reduction.control`, `reduction.files`, `reduction.instrument` and `reduction.parameters`.
Front door: `reduction.results.views`, which makes what process variables show.
"""

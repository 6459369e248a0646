"""What one rank counts of its events: histograms, images, maps and picked spectra.

Imports the engines; knows nothing of reports. Front door: `reduction.ranks.counting.pipeline`.
"""

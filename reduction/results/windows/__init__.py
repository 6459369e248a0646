"""What is found in the windows of a spectrum: sums over regions, and fitted peaks.

Imports `reduction.results.arrays`. Front door: `reduction.results.windows.analysis`.
"""

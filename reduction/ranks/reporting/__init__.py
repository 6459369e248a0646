"""What the ranks report together: sums over all of them, on rank 0, for the IOC.

Imports the other rooms of the ranks. Front door: `reduction.ranks.reporting.result_reporter`.
"""

"""What the IOC and the ranks say to each other: orders, reports, and the channel for both.

Imports `reduction.parameters` and `reduction.stream`. Front door: `reduction.control.channel`.
"""

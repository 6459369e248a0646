"""What each process of the program does first and last: logs, signals, limits, words for failures.

Imports `ioc.options` and `reduction.host`. Front door: `ioc.process.start`.
"""

"""Runs of the facility: what their starts and stops do to the accumulation.

Imports `ioc.puts` and `ioc.ca`. Front door: `ioc.runs.run_watch`.
"""

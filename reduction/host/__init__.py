"""The machine that a process runs on: files replaced at once, runtime folders, the clock, a stop.

Imports nothing else of the project. Front door: `reduction.host.atomic_files`.
"""

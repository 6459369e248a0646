"""The machine that a process runs on: files that are replaced at once, runtime folders.

Imports nothing else of the project. Front door: `reduction.host.atomic_files`.
"""

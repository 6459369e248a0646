"""The machine that a process runs on: files replaced at once, folders, sockets and keys, the clock.

Imports nothing else of the project. Front door: `reduction.host.file_system.atomic_files`.
"""

"""Files and folders: replaced at once, read within bounds, and never waited for without end.

Imports nothing of ours. Front doors: `reduction.host.file_system.atomic_files` to write,
`reduction.host.file_system.regular_files` to read.
"""

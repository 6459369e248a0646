"""Results on disk: NeXus and text files written and read back, and pictures of them.

Imports `reduction.parameters` and `reduction.host`. Front door: `reduction.files.save`.
"""

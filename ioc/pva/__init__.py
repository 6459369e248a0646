"""pvAccess: the same process variables, and each result in one structure (``Snapshot``).

Imports `ioc.ca` and `ioc.model`. Front door: `ioc.pva.server`.
"""

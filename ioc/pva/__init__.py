"""pvAccess: the same process variables, and a result in one structure.

Imports `ioc.ca` and `ioc.model`. Front door: `ioc.pva.server`.
"""

"""The list of all process variables: the spec, the access and the address of each.

Imports `ioc.security`, and parameters of `reduction` and `simulator`. Front doors: `ioc.model.pvs`
(the list) and `ioc.model.wire_type` (how each kind looks to clients).
"""

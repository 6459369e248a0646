"""The list of all process variables: what each is, and the address of its value.

Imports `ioc.security`, and parameters of `reduction` and `simulator`. Front doors: `ioc.model.pvs`
(the list) and `ioc.model.wire_type` (how each kind looks to clients).
"""

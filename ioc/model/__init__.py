"""Which process variables there are, and where their values stand.

Imports `ioc.security`, and the parameters of `reduction` and `simulator`. Front door:
`ioc.model.pvs`.
"""

"""Process variables as logs: follows those that filters slice by, and keeps their values.

Imports `ioc.ca`, `reduction.control`, `reduction.stream` and `reduction.host`. Front door:
`ioc.pv_logs.pv_logs`.
"""

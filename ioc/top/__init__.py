"""A running IOC at a glance, in a terminal.

Imports `ioc.ca` and `ioc.model`. Front door: `ioc.top.display`.
"""

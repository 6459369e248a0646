"""A display of a running IOC in a terminal: ``live-reduction top``.

Imports `ioc.ca` and `ioc.model`. Front door: `ioc.top.display`.
"""

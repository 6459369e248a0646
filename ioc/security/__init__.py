"""Rules that say who may write which process variable, and EPICS access security files.

Imports `ioc.options`. Front door: `ioc.security.rules`.
"""

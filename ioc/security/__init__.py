"""Who may write which process variable: rules, and EPICS access security files.

Imports `ioc.options`. Front door: `ioc.security.rules`.
"""

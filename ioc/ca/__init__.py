"""Channel Access: channels made of specs, and caproto's server with what live data need.

Imports `ioc.model` and `ioc.security`. Front door: `ioc.ca.database`.
"""

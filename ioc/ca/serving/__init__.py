"""The connections of clients: their requests, puts and subscriptions, and what they are sent.

Imports `ioc.ca.channels`. Front door: `ioc.ca.serving.circuit`; what is used of caproto's server is
in `ioc.ca.serving.caproto_internals`.
"""

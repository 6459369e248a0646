"""Channel Access: a channel for each process variable, and caproto's server that serves them.

Imports `ioc.model`, `ioc.records` and `ioc.security`. Front doors: `ioc.ca.database` and
`ioc.ca.server`; a put is checked in `ioc.ca.channel`.
"""

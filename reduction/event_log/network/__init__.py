"""An event log for readers on other hosts: the server, and its reader.

Imports the event log on this host. Front doors: `reduction.event_log.network.server` and
`reduction.event_log.network.remote`.
"""

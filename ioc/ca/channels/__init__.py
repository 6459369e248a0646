"""What a channel is to clients: a posted value with its alarm, unit, time and fields of a record.

Imports `ioc.model`, `ioc.records` and caproto. Front door: `ioc.ca.channels.posted_channel`.
"""

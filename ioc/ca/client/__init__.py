"""Channel Access as a client: values of other IOCs, and whether another IOC has the same names.

Imports channels, since values of this IOC are followed directly. Front door:
`ioc.ca.client.pv_monitors`.
"""

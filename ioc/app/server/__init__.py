"""The IOC as a server: what is wired to what, from orders and reports to channels.

Imports all of `ioc` but the other rooms of `ioc.app`. Front door: `ioc.app.server.live_server`.
"""

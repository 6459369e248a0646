"""What the web page's server and whoever starts it agree on: sockets that listen, and the token.

Imports `ioc.options`. Front door: `ioc.page.handover`.
"""

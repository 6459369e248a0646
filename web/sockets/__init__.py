"""The WebSocket of a visitor: messages of PVWS, with the additions of our page.

Imports `web.values`. Front door: `web.sockets.session`.
"""

"""The web site: who may ask for what, the page's files, downloads, the addresses it listens on.

Imports `web.sockets`, `web.values` and `reduction.files`. Front door: `web.site.routes`.
"""

"""The web page and its server, a client of the IOC: ``live-reduction web``.

Imports `ioc.model`, `ioc.options` and `reduction`. Front door: `web.serve`; the page itself, plain
files, is in the folder ``page``.
"""

"""Process variables as the web server sees them: names, values, shared subscriptions, puts.

Imports `ioc.model`, `reduction` and `web.limits`. Front door: `web.values.shared_pvs`.
"""

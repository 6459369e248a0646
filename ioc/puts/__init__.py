"""What becomes of a put: checked, ordered, and complete once a posted result shows it.

Imports `ioc.ca`, `ioc.model` and `ioc.security`. Front door: `ioc.puts.order_puts`.
"""

"""Orders to the ranks, their reports, and the channel that carries both.

Imports `reduction.parameters`, `reduction.stream` and `reduction.host`. Front doors:
`reduction.control.order_sender` for the IOC, `reduction.control.order_receiver` for who obeys it.
"""

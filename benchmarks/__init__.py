"""Measured claims: what the product does in a second, beside its peers in the same run.

A folder for each thing that is measured; what they share stands here. Front door:
`benchmarks.__main__`.
"""

"""Measured claims: what the product does in a second, beside its peers in the same run."""

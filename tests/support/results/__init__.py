"""Results to save, and the chain of corrections."""

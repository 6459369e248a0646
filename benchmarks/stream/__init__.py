"""Events on their way to the ranks: simulated, sent, read again, and played from recordings."""

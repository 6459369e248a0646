"""What the product survives: kills, wild puts, bad clients, broken files and messages."""

"""Many clients of Channel Access at once, beside the servers of others."""

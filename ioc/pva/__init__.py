"""pvAccess beside Channel Access: the same channels, the same puts, and each result as one."""

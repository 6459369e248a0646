"""Clients of process variables, as people have them and as they should not be; another IOC."""

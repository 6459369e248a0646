"""The IOC, or a part of it, with fake ranks."""

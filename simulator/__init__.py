"""A simulated powder diffractometer that streams events pulse by pulse."""

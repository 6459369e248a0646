"""Sockets between parts of the program, and the key with which these know each other.

Imports `reduction.host.file_system`. Front door: `reduction.host.network.endpoints`.
"""

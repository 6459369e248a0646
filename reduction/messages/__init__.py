"""The messages of a stream: what they hold, and their bytes in the schemas of facilities.

Imports nothing else of the project. Front door: `reduction.messages.contents`.
"""

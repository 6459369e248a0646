"""Results in the forms in which they leave: saved, and as messages that others decode.

Imports the rest of `reduction.results`. Front door: `reduction.results.outgoing.saved_form`.
"""

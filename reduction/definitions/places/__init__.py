"""Where things are in a Mantid instrument definition: coordinates and motions, read from XML.

Imports nothing else of `reduction.definitions`. Front door:
`reduction.definitions.places.locations`.
"""

"""Detector images, maps and what is picked in them: settings, and what is posted.

Imports how parameters are declared. Front door: `reduction.parameters.images.image`.
"""

"""The powder that is simulated: its crystal structure, Bragg lines and preferred orientation.

Imports nothing of the simulator. Front door: `simulator.powder.sample`.
"""

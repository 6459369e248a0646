"""Where events go: messages of either dialect, to an event log or to Kafka.

Imports `simulator.events`. Front door: `simulator.output.event_output`.
"""

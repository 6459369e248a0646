"""Fuzzing by atheris, guided by coverage: mutated messages, orders and reports.

A *target* takes one input after the other and fails where something is not counted.
`benchmarks.robustness.fuzzing.campaign` is the front door; it runs targets in processes of their
own.
"""

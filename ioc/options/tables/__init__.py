"""The tables of a TOML file: where the stream comes from, and where results go.

Imports `ioc.options.program` and `reduction`. Front door: `ioc.options.tables.stream_table`.
"""

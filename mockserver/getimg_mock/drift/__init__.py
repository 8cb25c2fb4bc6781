"""Drift: what has changed in the API since the fake was written, from packages and free reads.

`sdk_packages` reads an SDK without running it, `python_sdk` and `node_sdk` describe its API, and
`own_description` that of the fake. `sdk_changes` and `catalogue_changes` compare, `drift_rows` says
how severe a change is, and `drift_reports` renders the table.
"""

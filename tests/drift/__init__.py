"""Drift: packages that are read, catalogues that are compared, and the table of changes."""

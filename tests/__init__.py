"""The tests, as the package that their shared code is imported from."""

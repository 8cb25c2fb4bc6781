"""Cassettes: folders of recorded exchanges with the API, as docs/recording.md describes them.

A cassette comes from another machine, or from a service that may be hostile. So nothing in it is
trusted: names, sizes and shapes are checked when it is read.
"""

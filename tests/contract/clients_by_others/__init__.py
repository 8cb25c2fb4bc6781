"""Clients written from the user documentation alone: good ones, and ones with a fault."""

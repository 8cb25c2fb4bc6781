"""Verdicts rendered."""

"""Stores of workspaces."""

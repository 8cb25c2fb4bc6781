"""Adapters for clients that exist: the official Python SDK, and plain httpx."""

"""Drivers of clients: Python adapters, programs, and either against another service."""

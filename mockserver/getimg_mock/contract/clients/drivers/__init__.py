"""How a client is driven: Python adapters, programs, and services beside the fake."""

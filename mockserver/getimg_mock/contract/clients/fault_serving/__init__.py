"""The server that clients are tested against: conformant, with injected faults."""

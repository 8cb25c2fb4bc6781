"""The money gate of paying runs: reservations, reconciliation, and the spend of each day."""

"""What clients must hold to, by topic: the sections GC1 to GC8 of the contract."""

"""What clients are tested with: cases, faults, variants of answers, and their histories."""

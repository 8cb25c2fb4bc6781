"""What clients are tried with: cases, faults, variants of answers, and their histories."""

"""What surrounds a client during a case: its time, its environment and its resources."""

"""What surrounds a client during a case: time, environment, resources and limits."""

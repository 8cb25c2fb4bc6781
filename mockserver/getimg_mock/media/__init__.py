"""Real bytes from a generation: pictures and videos."""

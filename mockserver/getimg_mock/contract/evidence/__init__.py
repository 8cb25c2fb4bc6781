"""Evidence about the real API: recorded traffic, claims, and what confirms or refutes them."""

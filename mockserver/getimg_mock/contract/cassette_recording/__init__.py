"""Recording: a client's requests go to the API through the money gate, and are kept and judged."""

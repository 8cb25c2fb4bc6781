"""Where plans run: the fake in process or on a socket, or any address; and the one executor."""

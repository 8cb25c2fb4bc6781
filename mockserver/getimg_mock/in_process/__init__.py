"""An ASGI application called without a socket, by synchronous and asynchronous clients."""

"""The fake on a port: the server in a thread, and the HTTP protocol that socket faults act on."""

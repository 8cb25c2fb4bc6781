"""What tests use: the pytest plugin and the in-process transports."""

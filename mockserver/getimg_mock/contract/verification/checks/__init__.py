"""The checks of whole runs: the fake compared with a service, and the harness itself."""

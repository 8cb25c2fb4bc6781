"""A faithful, stateful, fast stand-in for the getimg.ai v2 API."""

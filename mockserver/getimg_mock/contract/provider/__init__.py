"""The provider contract: what a service must hold to, and the requests that show it."""

"""What the fake costs, as ratios against a bare ASGI app in the same run: `make bench`."""

"""Tests of the client contract: a client that keeps it, and many that do not."""

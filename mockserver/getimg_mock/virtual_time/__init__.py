"""The time of this process on a virtual clock: an engine, and the policy for linked tests."""

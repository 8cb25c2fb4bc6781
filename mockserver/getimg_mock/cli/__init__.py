"""The command getimg-mock."""

"""The time of this process on a clock of ours: sleeps, deadlines and dates follow it."""

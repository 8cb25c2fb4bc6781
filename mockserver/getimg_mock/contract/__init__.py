"""Plans, targets, histories, checks and verdicts: functions, no pytest import."""

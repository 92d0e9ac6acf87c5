"""What an operator sees of a process: its logs, metrics, trace and health. It imports nothing of shared/ but
settings."""

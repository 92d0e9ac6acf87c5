"""Which nodes an object should be on (`diff`), and giving it the replicas that it lacks (`replicate`)."""

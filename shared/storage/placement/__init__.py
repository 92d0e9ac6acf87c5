"""Which nodes an object belongs on, and bringing its replicas there."""

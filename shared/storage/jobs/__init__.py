"""What storage does in the background beside moving and repairing: garbage collection, the deletion queue,
throttling."""

"""What every function runs in: the decorators that declare one, its context, and the way from a request or event to
its answer. It may import the other libraries of shared/ that a frame needs (db, identity, rate_limit, telemetry,
cloudevents); those never import it."""

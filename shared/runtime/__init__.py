"""What every function runs in: the decorators that declare one (function.py), its context, the dispatch of a request or
event to it, idempotency, readiness, and the process that serves it (serve.py).

It may import the libraries that a function's frame needs: identity, rate_limit, cache, coordination, outbox, db,
telemetry, cloudevents. Those never import it; the domains (storage, videos, uploads …) are above it.
"""

"""The metrics of a function: each name once, here."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()

REQUESTS = Counter("wadi_function_requests", "Requests and events answered.", ["function", "code"], registry=REGISTRY)
SECONDS = Histogram(
    "wadi_function_seconds",
    "Time from a request's arrival to its answer.",
    ["function"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600),
    registry=REGISTRY,
)
BACKEND_UP = Gauge(
    "wadi_backend_up", "Whether a backend answered when it was last asked.", ["backend"], registry=REGISTRY
)
CACHE_READS = Counter("wadi_cache_reads", "Look-ups in the cache, by what came of them.", ["result"], registry=REGISTRY)
CACHE_ERRORS = Counter("wadi_cache_errors", "Uses of the cache that it did not answer.", registry=REGISTRY)
RELAYED = Counter(
    "wadi_outbox_relayed", "Events moved from the outbox to their topics.", ["transport"], registry=REGISTRY
)
RELAY_FAILURES = Counter(
    "wadi_outbox_relay_failures", "Relays that left events in the outbox.", ["transport"], registry=REGISTRY
)
OUTBOX_WAITING = Gauge("wadi_outbox_waiting", "Events in the outbox after the last relay-outbox.", registry=REGISTRY)

SCRUBBED = Counter("wadi_scrub_replicas", "Replicas compared with their checksums.", ["result"], registry=REGISTRY)
SCRUBBED_BYTES = Counter("wadi_scrub_bytes", "Bytes read to compare them with checksums.", registry=REGISTRY)
REPAIRS = Counter("wadi_scrub_repairs", "Damaged replicas, by what came of them.", ["result"], registry=REGISTRY)
LOST_OBJECTS = Gauge("wadi_lost_objects", "Objects without a good replica, after the last scrub.", registry=REGISTRY)
GARBAGE_REMOVED = Counter("wadi_garbage_removed", "Things removed that belonged to nobody.", registry=REGISTRY)


def exposition() -> tuple[bytes, str]:
    """The text for Prometheus, and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST

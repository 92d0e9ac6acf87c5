"""The transactional outbox: state and the events that tell of it commit together.

`publish` puts events into the caller's transaction. After the commit `relay_soon` moves them to their topics; what a
crash leaves behind in between, relay_outbox (every minute) moves. Topics are tables of the database, Kafka's where
KAFKA_BROKERS is set, or a Knative Broker where K_SINK is (transport.py).

One folder a transport; each transport's client library is imported when it is first used. It may import events/, db,
cloudevents and telemetry.
"""

from shared.outbox.relay import relay
from shared.outbox.write import publish

__all__ = ["publish", "relay"]

"""The relay from the outbox to a Knative Broker (K_SINK), by CloudEvents over HTTP."""

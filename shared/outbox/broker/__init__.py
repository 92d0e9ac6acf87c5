"""The transport by a Knative Broker (K_SINK): its address, and the relay from the outbox, CloudEvents over HTTP."""

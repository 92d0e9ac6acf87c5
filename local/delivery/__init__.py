"""KafkaSources: events from their topics to the functions, with retries, dead letters and order, as Knative does."""

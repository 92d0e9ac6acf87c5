"""Delivery from Kafka: the runner is a member of each consumer group."""

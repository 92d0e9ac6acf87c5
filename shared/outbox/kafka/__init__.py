"""The transport by Kafka (KAFKA_BROKERS): client settings, topics, and the relay from the outbox.

kafka-python is imported when it is first used.
"""

"""The relay from the outbox to Kafka, its connection and its topics. kafka-python is imported when it is first used."""

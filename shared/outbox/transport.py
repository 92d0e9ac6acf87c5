"""Which transport carries the events; the settings decide."""

from enum import StrEnum

from shared.config import setting


class Transport(StrEnum):
    """The values are the label `transport` of the metrics."""

    POSTGRES = "postgres"
    KAFKA = "kafka"
    BROKER = "broker"


def transport() -> Transport:
    """Kafka where KAFKA_BROKERS is set, a Knative Broker where K_SINK is, else tables of the database."""
    if setting("KAFKA_BROKERS"):
        return Transport.KAFKA
    return Transport.BROKER if setting("K_SINK") else Transport.POSTGRES

"""The two parts of Knative that cannot be built from modules, as processes of ours beside the cluster.

ingress       ingress.py: Knative's ingress controller, and Istio's gateway with the route table
kafka-source  kafka_source.py: the controller and the data plane of KafkaSources, with the rules of its webhook
"""

from tools.cluster import crds, ingress, kafka_source
from tools.cluster.ingress import Ingress
from tools.cluster.plane import Plane

NAMES = (ingress.NAME, kafka_source.NAME)


def define(plane: Plane) -> None:
    """What a KafkaSource is, and the kinds of the route table."""
    plane.apply([*crds.kafka_source(), *crds.istio()])


def start(plane: Plane) -> Ingress:
    gateway = ingress.start(plane)
    kafka_source.start(plane, gateway.internal)
    return gateway

"""knative/**/*.yaml and istio/routes.yaml, read strictly: what is not done here is refused by name, never ignored."""

from local.manifests.check import check
from local.manifests.errors import ManifestError
from local.manifests.knative import Delivery, KafkaSource, PingSource, Service
from local.manifests.model import Manifests
from local.manifests.read import read
from local.manifests.routes import Route

__all__ = [
    "Delivery",
    "KafkaSource",
    "ManifestError",
    "Manifests",
    "PingSource",
    "Route",
    "Service",
    "check",
    "read",
]

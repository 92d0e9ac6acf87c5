"""Knative Eventing: its controller, the broker that is made of channels, the channel in memory, and PingSource."""

from tools.cluster import crds, webhooks
from tools.cluster.release import Release

NAMESPACE = "knative-eventing"


def release() -> Release:
    return Release(NAMESPACE, webhooks.EVENTING, crds.eventing(), {}, without=("job-sink",))

"""Knative Serving: the controller, the autoscaler and the activator as pods, and what routes requests to them."""

from deploy.overlays import ROOT
from tools.cluster import crds, ingress, webhooks
from tools.cluster.kustomize import render
from tools.cluster.release import Release

NAMESPACE = "knative-serving"
PLATFORM = ROOT / "knative" / "platform"  # what Wadi asks of any installation
OUTSIDE = "cluster.test"  # the domain of Services that are not cluster-local


def release() -> Release:
    asked = {one["metadata"]["name"]: one["data"] for one in render(PLATFORM)}
    return Release(NAMESPACE, webhooks.SERVING, crds.serving(), SETTINGS | asked)


SETTINGS = {
    "config-network": {"ingress-class": ingress.CLASS},
    "config-domain": {OUTSIDE: ""},
    # To zero after seconds and not after a minute and a half: whoever looks on is waiting for it. And from zero: a
    # first pod for each revision, to see whether it works, would be sixty at once.
    "config-autoscaler": {
        "stable-window": "10s",
        "scale-to-zero-grace-period": "10s",
        "allow-zero-initial-scale": "true",
        "initial-scale": "0",
    },
    # The queue-proxy's 25m of CPU a pod would be the reason that a machine with two CPUs runs no more of them.
    "config-deployment": {"queue-sidecar-cpu-request": "1m"},
}

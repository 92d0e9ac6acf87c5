"""All that decides whether a manifest is taken, and nothing that would run it: the cheap tier of the cluster.

etcd, the API server, the definitions of Knative Serving, Eventing, KafkaSource and Istio, and Knative's webhooks. It is
made anew each time: half a minute, and a manifest is not admitted for what an earlier run left behind.
"""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.backends.server import running
from tools.cluster import crds, kafka_source, network, webhooks
from tools.cluster import plane as planes
from tools.cluster.crds import Document
from tools.cluster.plane import Plane

RUNS_PODS = ("Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget")
FIRST = ("Namespace", crds.DEFINITION)  # what the others are made in and of


def start(folder: Path) -> Plane:
    """In an empty folder. Raises BackendError; what has started by then is ended."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return _start(folder)
    except BaseException:
        stop(folder)
        raise


def _start(folder: Path) -> Plane:
    with ThreadPoolExecutor() as workers:
        reading = [workers.submit(read) for read in (crds.serving, crds.eventing, crds.kafka_source, crds.istio)]
        cable = network.start(folder)
        plane = planes.start(folder, cable)
        serving, eventing, *others = [one.result() for one in reading]
        taken = [
            *webhooks.without_pods(webhooks.SERVING, serving, cable.inside),
            *webhooks.without_pods(webhooks.EVENTING, eventing, cable.inside),
            *(document for documents in others for document in documents),
            *kafka_source.policy(),
        ]
        plane.apply(one for one in taken if one["kind"] in FIRST)
        plane.defined(60)
        plane.apply(one for one in taken if one["kind"] not in FIRST and _answered(one))
        pairs = ((webhooks.SERVING, serving), (webhooks.EVENTING, eventing))
        for started in [workers.submit(webhooks.start, plane, *pair) for pair in pairs]:
            started.result()
    return plane


def stop(folder: Path) -> None:
    """At once: nothing of it is kept, and a webhook that is told to end first waits until nobody knows it any more."""
    names = (webhooks.SERVING.deployment, webhooks.EVENTING.deployment, *planes.PROCESSES, network.NAME)
    for server in [found for name in names if (found := running(name, folder))]:
        server.kill()


def _answered(document: Document) -> bool:
    """Whether it is of use where no pods run: a webhook that nobody serves would refuse everything."""
    if document["kind"] in webhooks.WEBHOOK_CONFIGURATIONS:
        return any(one.is_called_by(document) for one in (webhooks.SERVING, webhooks.EVENTING))
    return document["kind"] not in RUNS_PODS

"""What Knative's own webhooks refuse: their programs run in the cluster's network, as the API server finds them.

The API server calls a webhook by the name of its Service. Here that has no selector and no pods: its addresses are
written down beside it, and are those of processes that listen inside the network.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from tools.backends.cache import BackendError
from tools.backends.server import Program, Server, running, serve
from tools.cluster.build import binary
from tools.cluster.crds import Document
from tools.cluster.plane import Plane

WEBHOOK_CONFIGURATIONS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")


@dataclass(frozen=True)
class Webhook:
    """A release's Deployment that serves webhooks, by its own names."""

    deployment: str
    namespace: str
    program: str
    port: int  # of those inside the network, where nothing else listens

    def environment(self, documents: Iterable[Document]) -> dict[str, str]:
        """What the release gives it; a pod would learn its name and namespace from the node."""
        given = next(one for one in documents if self.is_deployment(one))["spec"]["template"]["spec"]["containers"][0]
        values = {one["name"]: one["value"] for one in given["env"] if "value" in one}
        own = {"WEBHOOK_PORT": self.port, "PROFILING_PORT": self.port + 1, "METRICS_PROMETHEUS_PORT": self.port + 2}
        names = {"SYSTEM_NAMESPACE": self.namespace, "POD_NAME": self.deployment}
        return values | names | {name: str(port) for name, port in own.items()}

    def is_deployment(self, document: Document) -> bool:
        return document["kind"] == "Deployment" and self._named(document)

    def is_service(self, document: Document) -> bool:
        return document["kind"] == "Service" and self._named(document)

    def is_called_by(self, document: Document) -> bool:
        """Whether it is a configuration that names this webhook: a release has several, each with its program."""
        if document["kind"] not in WEBHOOK_CONFIGURATIONS:
            return False
        services = {hook["clientConfig"]["service"]["name"] for hook in document["webhooks"]}
        return services == {self.deployment}

    def _named(self, document: Document) -> bool:
        about = document["metadata"]
        return (about["name"], about.get("namespace")) == (self.deployment, self.namespace)

    def addresses(self, inside: str) -> list[Document]:
        """The Service without a selector, and where it leads."""
        about = {"name": self.deployment, "namespace": self.namespace}
        port = {"name": "https-webhook", "port": self.port, "protocol": "TCP"}
        labels = {"kubernetes.io/service-name": self.deployment}
        service = {"ports": [port | {"port": 443, "targetPort": self.port}]}
        return [
            {"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": service},
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": about | {"labels": labels},
                "addressType": "IPv4",
                "endpoints": [{"addresses": [inside], "conditions": {"ready": True}}],
                "ports": [port],
            },
        ]


SERVING = Webhook("webhook", "knative-serving", "serving/webhook", 8440)
EVENTING = Webhook("eventing-webhook", "knative-eventing", "eventing/webhook", 8450)


def without_pods(webhook: Webhook, documents: Iterable[Document], inside: str) -> list[Document]:
    """A release's documents, with the webhook's process in the place of its Deployment."""
    replaced = [one for one in documents if not webhook.is_deployment(one) and not webhook.is_service(one)]
    return replaced + webhook.addresses(inside)


def start(plane: Plane, webhook: Webhook, documents: list[Document]) -> Server:
    """Returns when the API server has the webhook's certificate, so that what is refused is refused by it."""
    program = binary(webhook.program)
    environment = webhook.environment(documents) | {"KUBECONFIG": str(plane.kubeconfig)}
    # One process has nobody to elect a leader with, and would wait for it.
    command = [*plane.network.enter, str(program), "--disable-ha"]
    url = f"https://{plane.network.inside}:{webhook.port}/"
    configurations = [one["metadata"]["name"] for one in documents if webhook.is_called_by(one)]

    def answers() -> None:
        httpx.get(url, verify=False, timeout=5)  # noqa: S501 - any answer: it has only questions of the API server's
        known = plane.get(",".join(kind.lower() for kind in WEBHOOK_CONFIGURATIONS))["items"]
        unready = [name for name in configurations if not _certified(known, name)]
        if unready:
            raise BackendError(f"{', '.join(unready)} is not registered yet")

    return serve(
        webhook.deployment, plane.folder, 0, lambda home, ports: Program(command, answers, {"": url}, environment)
    )


def stop(plane: Plane) -> None:
    for webhook in (SERVING, EVENTING):
        if found := running(webhook.deployment, plane.folder):
            found.stop()


def _certified(known: list[dict[str, Any]], name: str) -> bool:
    """Its rules and its authority are written in by the webhook itself."""
    hooks = [hook for one in known if one["metadata"]["name"] == name for hook in one["webhooks"]]
    return bool(hooks) and all(hook["clientConfig"].get("caBundle") for hook in hooks)

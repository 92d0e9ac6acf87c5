"""A release of Knative on this machine: its YAML as it is, with the images that were built here.

What differs from the release, and why:
  images      built from the same modules, and named after the programs in them: there is no registry
  webhooks    processes beside the API server and no pods (webhooks.py), so that they answer before there is a node
  requests    only a little CPU: one machine is not to be full because of what a cluster would set aside. Pods without
              any share what is left over, and beside one encode that is nothing
  liveness    a minute without an answer ends a program, not 6 s: what the channel in memory has not delivered is lost
              with it, and both cores may be busy for so long
  left out    what scales the parts themselves (HorizontalPodAutoscaler, PodDisruptionBudget), and programs that have
              nothing to do here
"""

import copy
import json
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.cluster import archive, webhooks
from tools.cluster.build import binary, programs_of
from tools.cluster.crds import DEFINITION, Document
from tools.cluster.node import Node
from tools.cluster.plane import Plane, Refused
from tools.cluster.versions import MODULES
from tools.cluster.webhooks import Webhook

IMAGE = re.compile(r"gcr\.io/knative-releases/knative\.dev/(\w+)/cmd/(?:\w+/)*(\w+)@sha256:\w+")
UNWANTED = ("HorizontalPodAutoscaler", "PodDisruptionBudget")
FIRST = ("Namespace", DEFINITION)  # what the others are made in and of
SECONDS = 120
LITTLE = "20m"
PATIENT = {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6}


@dataclass(frozen=True)
class Release:
    namespace: str
    webhook: Webhook
    documents: list[Document]  # as they were released
    settings: dict[str, dict[str, str]]  # written into the ConfigMaps of these names
    without: tuple[str, ...] = ()  # Deployments

    def define(self, plane: Plane) -> None:
        """Everything but the Deployments, and the webhook: from here on manifests are decided about."""
        taken = [one for one in self._here(plane) if one["kind"] != "Deployment"]
        plane.apply(one for one in taken if one["kind"] in FIRST)
        plane.defined(SECONDS)
        plane.apply(one for one in taken if one["kind"] not in FIRST)
        webhooks.start(plane, self.webhook, self.documents)

    def run(self, node: Node) -> None:
        """The Deployments, when their images are there. Returns when all of them are available."""
        here = self._here(node.plane)
        self._load(node)
        node.plane.apply(one for one in here if one["kind"] == "Deployment")
        try:
            node.plane.kubectl(
                "wait", "deployment", "--all", "--for=condition=Available", f"--timeout={SECONDS}s",
                namespace=self.namespace, seconds=SECONDS + 10,
            )  # fmt: skip
        except Refused as error:
            pods = node.plane.kubectl("get", "pods", "--no-headers", namespace=self.namespace)
            raise Refused(f"{self.namespace} does not get ready: {error}\n{pods}") from error

    def _here(self, plane: Plane) -> list[Document]:
        found = [self._changed(one) for one in self._wanted()]
        text = IMAGE.sub(lambda match: reference(f"{match[1]}/{match[2]}"), json.dumps(found))
        return webhooks.without_pods(self.webhook, json.loads(text), plane.network.inside)

    def _wanted(self) -> list[Document]:
        return [one for one in self.documents if one["kind"] not in UNWANTED and not self._left_out(one)]

    def _left_out(self, document: Document) -> bool:
        return document["kind"] == "Deployment" and document["metadata"]["name"] in self.without

    def _changed(self, original: Document) -> Document:
        document = copy.deepcopy(original)
        if document["kind"] == "ConfigMap":
            document["data"] = document.get("data", {}) | self.settings.get(document["metadata"]["name"], {})
        if document["kind"] == "Deployment":
            for container in document["spec"]["template"]["spec"]["containers"]:
                container["resources"] = {"requests": {"cpu": LITTLE}}
                if "livenessProbe" in container:
                    container["livenessProbe"] |= PATIENT
        return document

    def _load(self, node: Node) -> None:
        wanted = [one for one in self._wanted() if not self.webhook.is_deployment(one)]
        # What is named and not built is of sources that we have none of: ApiServerSource, migrations.
        named = set(IMAGE.findall(json.dumps(wanted)))
        programs = sorted(f"{part}/{name}" for part, name in named if name in programs_of(part))
        with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(2) as workers:

            def load(program: str) -> None:
                file = Path(temporary) / f"{program.replace('/', '-')}.tar"
                node.load(archive.of_program(binary(program), reference(program), file))
                file.unlink()

            list(workers.map(load, programs))


def reference(program: str) -> str:
    """The image's name: "dev.local" is what Knative does not look up in a registry."""
    part, _, name = program.partition("/")
    return f"dev.local/knative/{part}-{name.replace('_', '-')}:{MODULES[f'knative.dev/{part}'].version}"

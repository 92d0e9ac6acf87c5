"""Manifests for tests, in the form of knative/ and istio/routes.yaml."""

from pathlib import Path
from typing import Any

import yaml


def service(name: str, **changes: Any) -> dict[str, Any]:
    """Changes: concurrency, timeout, min_scale, max_scale, target, image."""
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "template": {
                "metadata": {
                    "annotations": {
                        "autoscaling.knative.dev/min-scale": str(changes.get("min_scale", 0)),
                        "autoscaling.knative.dev/max-scale": str(changes.get("max_scale", 20)),
                    }
                },
                "spec": {
                    "containerConcurrency": changes.get("concurrency", 5),
                    "timeoutSeconds": changes.get("timeout", 20),
                    "containers": [
                        {
                            "image": changes.get("image", "wadi/api"),
                            "env": [{"name": "FUNCTION_TARGET", "value": changes.get("target", name)}],
                        }
                    ],
                },
            }
        },
    }


def ref(name: str) -> dict[str, Any]:
    return {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": name}}


def kafka_source(name: str, topic: str, **changes: Any) -> dict[str, Any]:
    """Changes: ordering, retry, policy, delay, timeout, dead_letter, sink, offset."""
    delivery = {
        "retry": changes.get("retry", 2),
        "backoffPolicy": changes.get("policy", "linear"),
        "backoffDelay": changes.get("delay", "PT0.05S"),
        "timeout": changes.get("timeout", "PT30S"),
    }
    if changes.get("dead_letter"):
        delivery["deadLetterSink"] = ref(changes["dead_letter"])
    return {
        "apiVersion": "sources.knative.dev/v1",
        "kind": "KafkaSource",
        "metadata": {"name": name},
        "spec": {
            "bootstrapServers": ["kafka:9092"],
            "consumerGroup": name,
            "topics": [topic],
            "initialOffset": changes.get("offset", "earliest"),
            "ordering": changes.get("ordering", "unordered"),
            "delivery": delivery,
            "sink": ref(changes.get("sink", name)),
        },
    }


def ping_source(name: str, sink: str, schedule: str = "* * * * *", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "sources.knative.dev/v1",
        "kind": "PingSource",
        "metadata": {"name": name},
        "spec": {"schedule": schedule, "sink": ref(sink), **spec},
    }


def route(name: str, *matches: dict[str, Any], **more: Any) -> dict[str, Any]:
    host = f"{name}.wadi.svc.cluster.local"
    return {
        "name": name,
        "match": list(matches) or [{"uri": {"prefix": f"/{name}/"}}],
        "route": [{"destination": {"host": host, "port": {"number": 80}}}],
        "timeout": "30s",
        "rewrite": {"authority": host},
        **more,
    }


def write(root: Path, resources: list[dict[str, Any]], routes: list[dict[str, Any]]) -> Path:
    (root / "knative" / "domain").mkdir(parents=True)
    (root / "istio").mkdir()
    (root / "knative" / "domain" / "all.yaml").write_text(yaml.safe_dump_all(resources))
    table = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "wadi"},
        "spec": {"hosts": ["*"], "gateways": ["wadi-gateway"], "http": routes},
    }
    (root / "istio" / "routes.yaml").write_text(yaml.safe_dump(table))
    return root

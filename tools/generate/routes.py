"""istio/routes.yaml: the one route table, as an Istio VirtualService."""

from typing import Any

import yaml

from shared.runtime.capability import HttpCapability
from tools.generate.capabilities import http_capabilities
from tools.generate.manifests import service

HEADER = """\
# The route table, generated from @http_function by `./task generate`: do not edit.
# Every path is matched whole; fixed paths stand before templates. OPTIONS belongs to each match, since a browser's
# preflight must find the route whose corsPolicy answers it. The mesh never retries: most of these calls are no GETs.
"""
NAMESPACE = "wadi"
CORS = {
    # Any page may call the API: it is called with a token, never with a cookie.
    "allowOrigins": [{"regex": ".*"}],
    "allowMethods": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    # What players and tracing send by themselves is named, since browsers before 2022 take "*" for a header's name;
    # and "*" never stands for authorization.
    "allowHeaders": [
        "authorization",
        "content-type",
        "range",
        "if-range",
        "if-none-match",
        "if-modified-since",
        "cache-control",
        "pragma",
        "traceparent",
        "*",
    ],
    "exposeHeaders": [
        "accept-ranges",
        "content-length",
        "content-range",
        "date",  # players set their clocks by it
        "etag",
        "last-modified",
        "location",
        "retry-after",
        "x-request-id",
    ],
    "maxAge": "24h",  # the longest that a browser remembers it (Firefox; Chromium: 2 h)
}


def routes() -> str:
    table = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "wadi", "namespace": NAMESPACE},
        "spec": {
            "hosts": ["*"],
            "gateways": ["wadi-ingress/wadi-gateway"],
            "http": [_route(capability) for capability in http_capabilities()],
        },
    }
    return HEADER + yaml.dump(table, Dumper=_Plain, sort_keys=False, width=120)


def _route(capability: HttpCapability) -> dict[str, Any]:
    name = capability.name.replace("_", "-")
    host = f"{name}.{NAMESPACE}.svc.cluster.local"
    route = capability.route
    methods = ["GET", "HEAD"] if route.method == "GET" else [route.method]
    uri = {"regex": route.pattern} if "{" in route.template else {"exact": route.template}
    return {
        "name": name,
        "match": [{"method": {"regex": "|".join([*methods, "OPTIONS"])}, "uri": uri}],
        "route": [{"destination": {"host": host, "port": {"number": 80}}}],
        "rewrite": {"authority": host},
        "timeout": f"{_timeout(capability.name)}s",
        "retries": {"attempts": 0},
        "corsPolicy": CORS,
    }


def _timeout(name: str) -> int:
    """As long as the function itself may take."""
    return int(service(name)["spec"]["template"]["spec"]["timeoutSeconds"])


class _Plain(yaml.SafeDumper):
    """Without anchors: they would save lines and cost readers."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

"""Cross-origin requests, as Envoy's CORS filter answers them under an Istio corsPolicy."""

from collections.abc import Mapping

from local.manifests.duration import go_seconds
from local.manifests.routes import CorsPolicy


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    return method == "OPTIONS" and "Origin" in headers and "Access-Control-Request-Method" in headers


def allows(policy: CorsPolicy, origin: str) -> bool:
    return any(allowed.exact == "*" or allowed.matches(origin) for allowed in policy.allow_origins)


def preflight_headers(policy: CorsPolicy, origin: str) -> dict[str, str]:
    """The answer to a browser that asks before it sends."""
    answer = response_headers(policy, origin)
    if answer:
        listed = {"Methods": policy.allow_methods, "Headers": policy.allow_headers}
        answer |= {f"Access-Control-Allow-{name}": ",".join(values) for name, values in listed.items() if values}
        if policy.max_age:
            answer["Access-Control-Max-Age"] = str(int(go_seconds(policy.max_age)))
    return answer


def response_headers(policy: CorsPolicy, origin: str) -> dict[str, str]:
    """What a page of this origin needs to be allowed to read the answer; nothing for an origin that is not allowed."""
    if not origin or not allows(policy, origin):
        return {}
    answer = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    if policy.allow_credentials:
        answer["Access-Control-Allow-Credentials"] = "true"
    if policy.expose_headers:
        answer["Access-Control-Expose-Headers"] = ",".join(policy.expose_headers)
    return answer

"""Istio's VirtualService: the part of it that this gateway does. A field that is not in these Structs is refused."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, field

from local.manifests.duration import go_seconds
from local.manifests.knative import Name, Strict

# RE2, which Envoy uses, has none of these; Python's re does.
_NOT_RE2 = re.compile(r"\(\?(?:[=!]|<[=!]|P=|\(|>|#)|\\[1-9]|[*+?}]\+")


class StringMatch(Strict):
    """One of the three. A regex must match the whole."""

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None

    def problem(self) -> str:
        if sum(part is not None for part in (self.exact, self.prefix, self.regex)) != 1:
            return "must have one of exact, prefix and regex"
        if self.regex is not None:
            if _NOT_RE2.search(self.regex):
                return f"regex {self.regex!r} uses what RE2 does not have"
            try:
                re.compile(self.regex)
            except re.error as error:
                return f"regex {self.regex!r}: {error}"
        return ""

    def matches(self, text: str) -> bool:
        if self.exact is not None:
            return text == self.exact
        if self.prefix is not None:
            return text.startswith(self.prefix)
        return re.fullmatch(self.regex or "", text) is not None


class Match(Strict):
    """All that is named must match."""

    uri: StringMatch | None = None
    method: StringMatch | None = None
    headers: dict[str, StringMatch] = field(default_factory=dict)
    name: str = ""

    def fits(self, method: str, path: str, headers: Mapping[str, str]) -> bool:
        if self.method is not None and not self.method.matches(method):
            return False
        if self.uri is not None and not self.uri.matches(path):
            return False
        return all(name in headers and wanted.matches(headers[name]) for name, wanted in self.headers.items())


class Port(Strict):
    number: Literal[80]


class RouteHost(Strict):
    host: Annotated[str, Meta(pattern=r"^[a-z0-9-]+\.wadi\.svc\.cluster\.local$")]
    port: Port = field(default_factory=lambda: Port(80))


class RouteDestination(Strict):
    destination: RouteHost


class Rewrite(Strict):
    """`authority` is what leads to the right Knative service in a cluster; here the destination already does."""

    authority: str = ""
    uri: str = ""


class HeaderChange(Strict):
    set: dict[str, str] = field(default_factory=dict)
    add: dict[str, str] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)


class Headers(Strict):
    request: HeaderChange = field(default_factory=HeaderChange)
    response: HeaderChange = field(default_factory=HeaderChange)


class CorsPolicy(Strict):
    allow_origins: list[StringMatch] = field(default_factory=list)
    allow_methods: list[str] = field(default_factory=list)
    allow_headers: list[str] = field(default_factory=list)
    expose_headers: list[str] = field(default_factory=list)
    max_age: str = ""
    allow_credentials: bool = False


class Retries(Strict):
    """Istio retries by itself unless told not to; this gateway never does, so only that may be said."""

    attempts: Literal[0]


class Route(Strict):
    route: Annotated[list[RouteDestination], Meta(min_length=1, max_length=1)]
    name: str = ""
    match: list[Match] = field(default_factory=list)
    timeout: str = "0s"
    rewrite: Rewrite = field(default_factory=Rewrite)
    headers: Headers = field(default_factory=Headers)
    cors_policy: CorsPolicy | None = None
    retries: Retries | None = None

    @property
    def service(self) -> str:
        return self.route[0].destination.host.partition(".")[0]

    @property
    def timeout_seconds(self) -> float | None:
        """Seconds from the end of the request to the end of the answer; None: as long as it takes."""
        return go_seconds(self.timeout) or None

    def matching(self, method: str, path: str, headers: Mapping[str, str]) -> Match | None:
        """The first alternative that fits this request (`headers` ignore case); a route without any fits all."""
        if not self.match:
            return Match()
        return next((match for match in self.match if match.fits(method, path, headers)), None)


class TableMetadata(Strict):
    name: Name
    namespace: Literal["wadi"] = "wadi"


class VirtualServiceSpec(Strict):
    hosts: list[Literal["*"]]
    gateways: list[str]
    http: list[Route]


class VirtualService(Strict):
    api_version: Literal["networking.istio.io/v1"]
    kind: Literal["VirtualService"]
    metadata: TableMetadata
    spec: VirtualServiceSpec

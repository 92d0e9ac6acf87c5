"""Whether the resources fit one another, as the webhooks of Knative and Istio would see to in a cluster."""

from collections import Counter
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

from cronsim import CronSimError

from local.manifests.duration import go_seconds, iso_seconds
from local.manifests.knative import KafkaSource, PingSource, Service
from local.manifests.model import Manifests
from local.manifests.routes import Route
from local.manifests.schedule import schedule

RESERVED = {"PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"}  # Knative sets these itself


def check(manifests: Manifests) -> list[str]:
    """What is wrong, a line each."""
    problems = []
    for location, resource in manifests.located:
        if isinstance(resource, Service):
            found = _service(resource)
        elif isinstance(resource, KafkaSource):
            found = _kafka_source(resource, manifests)
        else:
            found = _ping_source(resource, manifests)
        problems += [f"{location}: {problem}" for problem in found]
    problems += _doubles(manifests)
    for index, route in enumerate(manifests.routes):
        where = f"istio/routes.yaml: http[{index}] {route.name}".rstrip()
        problems += [f"{where}: {problem}" for problem in _route(route, manifests)]
    return problems


def _doubles(manifests: Manifests) -> Iterator[str]:
    names = Counter((type(resource).__name__, resource.name) for _, resource in manifests.located)
    for (kind, name), count in names.items():
        if count > 1:
            locations = [
                location for location, other in manifests.located if (type(other).__name__, other.name) == (kind, name)
            ]
            yield f"{kind} {name} is defined {count} times: {', '.join(locations)}"
    groups = Counter(source.group for source in manifests.sources)
    for group, count in groups.items():
        if count > 1:
            yield f"consumerGroup {group} is used by {count} KafkaSources: each would get a part of the events only"


def _service(service: Service) -> Iterator[str]:
    if service.max_scale and service.min_scale > service.max_scale:
        yield f"min-scale {service.min_scale} is greater than max-scale {service.max_scale}"
    names = Counter(variable.name for variable in service.spec.template.spec.containers[0].env)
    for name, count in names.items():
        if count > 1:
            yield f"env {name} stands {count} times"
        if name in RESERVED:
            yield f"env {name} is set by Knative and must not be named"
    if not service.env.get("FUNCTION_TARGET"):
        yield "env FUNCTION_TARGET is missing: it names the function to serve"


def _kafka_source(source: KafkaSource, manifests: Manifests) -> Iterator[str]:
    yield from _sink("sink", source.sink, manifests)
    delivery = source.spec.delivery
    if source.dead_letter_sink:
        yield from _sink("delivery.deadLetterSink", source.dead_letter_sink, manifests)
    yield from _duration("delivery.backoffDelay", delivery.backoff_delay, iso_seconds)
    yield from _duration("delivery.timeout", delivery.timeout, iso_seconds)
    if delivery.retry and not delivery.backoff_delay:
        yield "delivery.retry without delivery.backoffDelay would retry without a pause"
    for topic, count in Counter(source.spec.topics).items():
        if count > 1:
            yield f"topic {topic} stands {count} times"


def _ping_source(ping: PingSource, manifests: Manifests) -> Iterator[str]:
    yield from _sink("sink", ping.sink, manifests)
    try:
        schedule(ping.spec.schedule)
    except CronSimError as error:
        yield f"schedule {ping.spec.schedule!r}: {error}"
    try:
        ZoneInfo(ping.spec.timezone)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError, and that is raised as one of these
        yield f"timezone {ping.spec.timezone!r} is not known here"
    except KeyError:
        yield f"timezone {ping.spec.timezone!r} is not known here"


def _route(route: Route, manifests: Manifests) -> Iterator[str]:
    yield from _sink("destination", route.service, manifests)
    yield from _duration("timeout", route.timeout, go_seconds)
    for match in route.match:
        named = {"uri": match.uri, "method": match.method} | {f"headers.{n}": m for n, m in match.headers.items()}
        for name, string in named.items():
            if string is not None and string.problem():
                yield f"match.{name} {string.problem()}"
        if route.rewrite.uri and match.uri is not None and match.uri.regex is not None:
            yield "rewrite.uri after a regex match is not done here"
    if route.cors_policy:
        yield from _duration("corsPolicy.maxAge", route.cors_policy.max_age, go_seconds)
        for origin in route.cors_policy.allow_origins:
            if origin.problem():
                yield f"corsPolicy.allowOrigins {origin.problem()}"


def _sink(field: str, name: str, manifests: Manifests) -> Iterator[str]:
    if name not in manifests.services:
        yield f"{field}: there is no Service {name}"


def _duration(field: str, text: str, seconds: Callable[[str], float]) -> Iterator[str]:
    try:
        if text:
            seconds(text)
    except ValueError as error:
        yield f"{field}: {error}"

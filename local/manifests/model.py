"""All that was read."""

from dataclasses import dataclass, field

from local.manifests.knative import KafkaSource, PingSource, Service
from local.manifests.routes import Route


@dataclass
class Manifests:
    """What runs here. `located` tells where each resource stands, for messages."""

    services: dict[str, Service] = field(default_factory=dict)
    sources: list[KafkaSource] = field(default_factory=list)
    pings: list[PingSource] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    located: list[tuple[str, Service | KafkaSource | PingSource]] = field(default_factory=list)

    def add(self, resource: Service | KafkaSource | PingSource, location: str) -> None:
        self.located.append((location, resource))
        if isinstance(resource, Service):
            self.services[resource.name] = resource
        elif isinstance(resource, KafkaSource):
            self.sources.append(resource)
        else:
            self.pings.append(resource)

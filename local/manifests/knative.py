"""The parts of Knative's resources that run here. A field that is not in these Structs is refused.

The Structs are the YAML as it is written; their properties are what the rest of local/ asks for.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from local.manifests.duration import iso_seconds

Name = Annotated[str, Meta(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]  # a DNS label (RFC 1035), as Knative asks
Count = Annotated[str, Meta(pattern=r"^\d{1,6}$")]  # annotations are text in Kubernetes, numbers too


class Strict(Struct, forbid_unknown_fields=True, rename="camel"):
    """YAML with nothing unknown in it."""


class Metadata(Strict):
    name: Name
    namespace: Literal["wadi"] = "wadi"
    labels: dict[str, str] = field(default_factory=dict)


class EnvVar(Strict):
    name: Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    value: str = ""


class Container(Strict):
    image: str
    env: list[EnvVar] = field(default_factory=list)


class Scaling(Strict):
    min_scale: Count = field(name="autoscaling.knative.dev/min-scale", default="0")
    max_scale: Count = field(name="autoscaling.knative.dev/max-scale", default="0")


class TemplateMetadata(Strict):
    annotations: Scaling = field(default_factory=Scaling)
    labels: dict[str, str] = field(default_factory=dict)


class RevisionSpec(Strict):
    containers: Annotated[list[Container], Meta(min_length=1, max_length=1)]
    container_concurrency: Annotated[int, Meta(ge=0, le=1000)] = 0
    timeout_seconds: Annotated[int, Meta(ge=1, le=3600)] = 300


class Template(Strict):
    spec: RevisionSpec
    metadata: TemplateMetadata = field(default_factory=TemplateMetadata)


class ServiceSpec(Strict):
    template: Template


class Service(Strict):
    api_version: Literal["serving.knative.dev/v1"]
    kind: Literal["Service"]
    metadata: Metadata
    spec: ServiceSpec

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def _revision(self) -> RevisionSpec:
        return self.spec.template.spec

    @property
    def concurrency(self) -> int:
        """Requests that one process handles at once; 0: as many as come."""
        return self._revision.container_concurrency

    @property
    def timeout(self) -> int:
        return self._revision.timeout_seconds

    @property
    def min_scale(self) -> int:
        return int(self.spec.template.metadata.annotations.min_scale)

    @property
    def max_scale(self) -> int:
        """Processes at most; 0: no limit."""
        return int(self.spec.template.metadata.annotations.max_scale)

    @property
    def image(self) -> str:
        return self._revision.containers[0].image

    @property
    def env(self) -> dict[str, str]:
        return {variable.name: variable.value for variable in self._revision.containers[0].env}

    @property
    def address(self) -> str:
        """The URL that the service has inside a cluster; it stands in dead letters."""
        return f"http://{self.name}.{self.metadata.namespace}.svc.cluster.local"


class Ref(Strict):
    api_version: Literal["serving.knative.dev/v1"]
    kind: Literal["Service"]
    name: Name
    namespace: Literal["wadi"] = "wadi"


class Destination(Strict):
    ref: Ref


class Delivery(Strict):
    """What happens when a delivery fails. Naming any of it drops every default of Knative's, so we have none either."""

    retry: Annotated[int, Meta(ge=0)] = 0
    backoff_policy: Literal["linear", "exponential"] = "exponential"
    backoff_delay: str = ""
    timeout: str = ""
    dead_letter_sink: Destination | None = None

    def backoff(self, failures: int) -> float:
        """Seconds to wait after so many failed tries: d*n, or d*2^n, as the Kafka data plane of Knative counts."""
        delay = iso_seconds(self.backoff_delay) if self.backoff_delay else 0.0
        return delay * failures if self.backoff_policy == "linear" else delay * 2**failures

    @property
    def timeout_seconds(self) -> float:
        """Seconds that one try may take. Ten minutes is the Kafka data plane's default."""
        return iso_seconds(self.timeout) if self.timeout else 600.0


class KafkaSourceSpec(Strict):
    bootstrap_servers: Annotated[list[str], Meta(min_length=1)]
    topics: Annotated[list[str], Meta(min_length=1)]
    sink: Destination
    consumer_group: Annotated[str, Meta(min_length=1)]
    initial_offset: Literal["earliest", "latest"] = "latest"
    ordering: Literal["ordered", "unordered"] = "ordered"
    delivery: Delivery = field(default_factory=Delivery)


class KafkaSource(Strict):
    api_version: Literal["sources.knative.dev/v1", "sources.knative.dev/v1beta1"]
    kind: Literal["KafkaSource"]
    metadata: Metadata
    spec: KafkaSourceSpec

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def group(self) -> str:
        return self.spec.consumer_group

    @property
    def topics(self) -> list[str]:
        return self.spec.topics

    @property
    def initial_offset(self) -> str:
        return self.spec.initial_offset

    @property
    def delivery(self) -> Delivery:
        return self.spec.delivery

    @property
    def ordered(self) -> bool:
        return self.spec.ordering == "ordered"

    @property
    def sink(self) -> str:
        return self.spec.sink.ref.name

    @property
    def dead_letter_sink(self) -> str | None:
        sink = self.spec.delivery.dead_letter_sink
        return sink.ref.name if sink else None


class PingSourceSpec(Strict):
    schedule: str
    sink: Destination
    timezone: str = "UTC"
    content_type: str = ""
    data: str = ""


class PingSource(Strict):
    api_version: Literal["sources.knative.dev/v1"]
    kind: Literal["PingSource"]
    metadata: Metadata
    spec: PingSourceSpec

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def sink(self) -> str:
        return self.spec.sink.ref.name

"""From YAML files to Structs."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml
from msgspec import Struct

from local.manifests.check import check
from local.manifests.errors import ManifestError
from local.manifests.knative import KafkaSource, PingSource, Service
from local.manifests.model import Manifests
from local.manifests.routes import VirtualService

Kind = TypeVar("Kind", bound=Struct)

KINDS: dict[str, type[Service] | type[KafkaSource] | type[PingSource]] = {
    "Service": Service,
    "KafkaSource": KafkaSource,
    "PingSource": PingSource,
}
CLUSTERS = {"base", "overlays", "components", "platform"}


def read(root: Path) -> Manifests:
    """What `root`/knative and `root`/istio/routes.yaml say. Raises ManifestError with every problem, a line each.

    kustomization.yaml and the folders of CLUSTERS are about clusters, not about what runs, and are left out.
    """
    manifests = Manifests()
    problems: list[str] = []
    for file in sorted((root / "knative").rglob("*.yaml")):
        name = str(file.relative_to(root))
        if file.name == "kustomization.yaml" or file.relative_to(root).parts[1] in CLUSTERS:
            continue
        for location, document in _documents(file, name, problems):
            try:
                manifests.add(_convert(document), location)
            except _RefusedError as refused:
                problems.append(f"{location}: {refused}")
    _read_routes(root, manifests, problems)
    problems = problems or check(manifests)  # what was refused would be missed by all that refer to it
    if problems:
        raise ManifestError(problems)
    return manifests


class _RefusedError(Exception):
    pass


def _convert(document: Any) -> Service | KafkaSource | PingSource:
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise _RefusedError(f"kind {kind!r} is not run here (known: {', '.join(KINDS)})")
    return _strict(document, KINDS[kind])


def _strict(document: Any, kind: type[Kind]) -> Kind:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _RefusedError(str(error)) from error


def _read_routes(root: Path, manifests: Manifests, problems: list[str]) -> None:
    file = root / "istio" / "routes.yaml"
    if not file.exists():
        problems.append("istio/routes.yaml: the file is missing")
        return
    documents = _documents(file, "istio/routes.yaml", problems)
    if len(documents) != 1:
        problems.append("istio/routes.yaml: must hold one VirtualService")
    for location, document in documents:
        try:
            manifests.routes = _strict(document, VirtualService).spec.http
        except _RefusedError as refused:
            problems.append(f"{location}: {refused}")


def _documents(file: Path, name: str, problems: list[str]) -> list[tuple[str, Any]]:
    """The documents of a file, each with the location to name when something is wrong with it."""
    found = []
    try:
        for document in yaml.load_all(file.read_text(), _UniqueKeys):
            if document is None:
                continue
            metadata = document.get("metadata") if isinstance(document, dict) else None
            who = metadata.get("name") if isinstance(metadata, dict) else None
            found.append((f"{name}: {document.get('kind')} {who}" if who else name, document))
    except yaml.YAMLError as error:
        problems.append(f"{name}: {' '.join(str(error).split())}")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{name}: {error}")
    return found


class _UniqueKeys(yaml.SafeLoader):
    """YAML says that keys are unique; PyYAML would take the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                problem = f"the key {key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

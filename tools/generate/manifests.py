"""The YAML of the capabilities: knative/<domain>/<name-in-kebab-case>.yaml."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools.generate.capabilities import capabilities, domain_of, function_files
from tools.generate.errors import ROOT, GenerateError, shown

KNATIVE = ROOT / "knative"

Document = dict[str, Any]


def domains() -> list[Path]:
    """The folders of knative/ that hold capabilities; the others are for clusters."""
    return [KNATIVE / name for name in sorted({file.parent.name for file in function_files()})]


def manifest_files(folder: Path) -> list[Path]:
    """The YAML of a domain's capabilities."""
    return sorted(file for file in folder.glob("*.yaml") if file.name != "kustomization.yaml")


def manifests() -> list[Path]:
    """The YAML of every capability."""
    return [file for folder in domains() for file in manifest_files(folder)]


def manifest_of(name: str) -> Path:
    """Where the YAML of a capability is."""
    return KNATIVE / domain_of(name) / f"{name.replace('_', '-')}.yaml"


@cache
def documents(file: Path) -> list[Document]:
    """The documents of a file; callers do not change them. Raises GenerateError."""
    try:
        found = [document for document in yaml.load_all(file.read_text(), yaml.CSafeLoader) if document]
    except yaml.YAMLError as error:
        raise GenerateError(f"{shown(file)} is not valid YAML: {' '.join(str(error).split())}") from error
    if wrong := [each for each in found if not isinstance(each, dict) or "kind" not in each]:
        raise GenerateError(f"{shown(file)}: {str(wrong[0])[:40]!r} is no Kubernetes object: it has no kind.")
    return found


def of_kind(file: Path, kind: str) -> list[Document]:
    return [document for document in documents(file) if document["kind"] == kind]


def service(name: str) -> Document:
    """The Knative Service of a capability. Raises GenerateError."""
    file = manifest_of(name)
    found = of_kind(file, "Service")
    if len(found) != 1:
        raise GenerateError(f"{shown(file)} has {len(found)} Services: it needs one, of {name}.")
    return found[0]


def field(file: Path, document: Document, path: str) -> Any:
    """`spec.template.spec` of a document. Raises GenerateError when it is not there."""
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        raise GenerateError(f"{shown(file)}: the {document['kind']} has no {path}.")
    return value


def check_manifests() -> None:
    """Raises GenerateError when a capability has no YAML, or one that serves another, or YAML belongs to none."""
    wanted = {manifest_of(each.name) for each in capabilities()}
    strays = sorted(set(manifests()) - wanted)
    for each in capabilities():
        file = manifest_of(each.name)
        if not file.is_file():
            stray = next((f" ({shown(one)} belongs to no function)" for one in strays if one.parent == file.parent), "")
            raise GenerateError(
                f"{shown(file)} is missing{stray}: functions/{domain_of(each.name)}/{each.name}.py needs the YAML of"
                " its Service; begin with a copy of another one."
            )
        _check_service(file, each.name)
    if strays:
        function = f"functions/{strays[0].parent.name}/{strays[0].stem.replace('-', '_')}.py"
        raise GenerateError(f"{shown(strays[0])} belongs to no function: there is no {function}.")


def _check_service(file: Path, name: str) -> None:
    found = service(name)
    if field(file, found, "metadata.name") != file.stem:
        raise GenerateError(f"{shown(file)}: the Service must be named {file.stem}, as its file is.")
    for number in ("timeoutSeconds", "containerConcurrency"):
        if not isinstance(field(file, found, f"spec.template.spec.{number}"), int):
            raise GenerateError(f"{shown(file)}: {number} must be a whole number.")
    for container in field(file, found, "spec.template.spec.containers"):
        if {"name": "FUNCTION_TARGET", "value": name} not in container.get("env", []):
            raise GenerateError(f"{shown(file)}: FUNCTION_TARGET must be {name}, the function that it serves.")

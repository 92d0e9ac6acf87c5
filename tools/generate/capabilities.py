"""Every capability in the tree, from its decorated function."""

import importlib
from pathlib import Path

from shared.runtime.capability import Capability, HttpCapability, capability_of

ROOT = Path(__file__).resolve().parents[2]
KNATIVE = ROOT / "knative"


def capabilities() -> list[Capability]:
    """All of them, by domain and name."""
    found = []
    for file in sorted(ROOT.glob("functions/*/*.py")):
        module = importlib.import_module(f"functions.{file.parent.name}.{file.stem}")
        found.append(capability_of(getattr(module, file.stem)))
    return found


def http_capabilities() -> list[HttpCapability]:
    """Those that answer requests, in the order of their routes: fixed paths before templates."""
    found = [each for each in capabilities() if isinstance(each, HttpCapability)]
    return sorted(found, key=lambda each: (each.route.template.count("{"), each.route.template, each.route.method))


def domain_of(name: str) -> str:
    """The folder of a capability."""
    return next(ROOT.glob(f"functions/*/{name}.py")).parent.name


def domains() -> list[Path]:
    """The folders of knative/ that hold capabilities; the others are for clusters."""
    return [KNATIVE / name for name in sorted({file.parent.name for file in ROOT.glob("functions/*/*.py")})]


def manifest_files(folder: Path) -> list[Path]:
    """The YAML of a domain's capabilities."""
    return sorted(file for file in folder.glob("*.yaml") if file.name != "kustomization.yaml")

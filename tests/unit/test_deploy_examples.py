"""The files of docs/deploy/examples: well-formed, told of on a page, and of one mind with the code."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from shared.objects.s3.setup import DAY_HOURS

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = DOCS / "deploy/examples"
FILES = sorted(str(file.relative_to(EXAMPLES)) for file in EXAMPLES.rglob("*") if file.is_file())
UPLOAD_EXPIRES_HOURS = 48  # the default
MANIFESTS = [name for name in FILES if name.endswith(".yaml") and "values" not in name]


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_document_is_a_manifest(name: str) -> None:
    for document in yaml.safe_load_all((EXAMPLES / name).read_text()):
        assert {"apiVersion", "kind"} <= document.keys()


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".yml") or "values" in name])
def test_other_yaml_is_yaml(name: str) -> None:
    assert yaml.safe_load((EXAMPLES / name).read_text())


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".sh")])
def test_a_script_is_one(name: str) -> None:
    subprocess.run(["sh", "-n", str(EXAMPLES / name)], check=True)


def test_every_example_is_told_of() -> None:
    pages = "".join(page.read_text() for page in [DOCS / "deploy.md", *(DOCS / "deploy").glob("*.md")])
    assert [name for name in FILES if f"examples/{name}" not in pages] == []


def test_every_link_leads_somewhere() -> None:
    for page in [DOCS / "deploy.md", *(DOCS / "deploy").glob("*.md")]:
        links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        assert [link for link in links if not (page.parent / link).exists()] == [], page.name


def test_the_lifecycle_keeps_what_wadi_needs() -> None:
    rules = json.loads((EXAMPLES / "bucket-lifecycle.json").read_text())["Rules"]
    assert not any("Days" in rule.get("Expiration", {}) for rule in rules)  # nothing that is current is ever removed
    unfinished = [rule["AbortIncompleteMultipartUpload"] for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    days = UPLOAD_EXPIRES_HOURS // DAY_HOURS + 1  # as `wadi storage init` has it
    assert unfinished == [{"DaysAfterInitiation": days}]

"""The files for users of GitHub. ./task lint holds them to GitHub's schemas; here is what a schema cannot know."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_runs_tasks_and_scripts_that_exist(workflow: Path) -> None:
    commands = "\n".join(step.get("run", "") for step in steps(workflow))
    tasks = yaml.safe_load((ROOT / "Taskfile.yml").read_text())["tasks"]
    assert set(re.findall(r"\./task ([\w:-]+)", commands)) <= set(tasks)
    assert [script for script in re.findall(r"bash (\S+)", commands) if not (ROOT / script).is_file()] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_write_only_where_it_says_so(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}


def test_every_supported_python_is_tested() -> None:
    matrix = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text())["jobs"]["test"]["strategy"]["matrix"]
    first = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    last = re.search(r"< \(3, (\d+)\)", (ROOT / "task").read_text())
    assert first == ">=3.11"
    assert last is not None
    assert matrix["python"] == [f"3.{minor}" for minor in range(11, int(last[1]))]


def test_dependabot_looks_into_folders_that_exist() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
    assert [each["directory"] for each in updates if not (ROOT / each["directory"].lstrip("/")).is_dir()] == []


def test_the_hooks_run_the_tools_of_the_lock() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    assert [hook["id"] for hook in repository["hooks"] if not hook["entry"].startswith(".venv/bin/")] == []
    tests = re.findall(r"tests/\S+\.py", " ".join(hook["entry"] for hook in repository["hooks"]))
    assert tests
    assert [test for test in tests if not (ROOT / test).is_file()] == []


def test_the_development_container_is_set_up_by_tasks() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    tasks = yaml.safe_load((ROOT / "Taskfile.yml").read_text())["tasks"]
    assert set(re.findall(r"\./task ([\w:-]+)", container["postCreateCommand"])) <= set(tasks)
    assert re.fullmatch(r"python:3\.1[1-4]-\w+", container["image"])

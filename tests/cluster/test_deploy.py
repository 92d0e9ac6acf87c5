"""./task deploy on a cluster that runs: a bad canary is taken back, a good one gets everything, and no request is lost.

The function on trial is a file in a ConfigMap, run by the image of all functions, so each revision can be what a test
needs. Requests come all the while, through the gateway, and none of them may fail.
"""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy import canary
from deploy.manifests import Manifest
from tests.cluster.running import Cluster
from tests.patience import until
from tools.cluster.kustomize import render

ROOT = Path(__file__).resolve().parents[2]
NAME = "on-trial"
WITHIN = 300
GOOD = """
import msgspec
from shared.runtime.function import PUBLIC, Context, http_function

class Answer(msgspec.Struct):
    version: str

@http_function("GET /on-trial", access=PUBLIC)
def on_trial(context: Context) -> Answer:
    return Answer("VERSION")
"""
ERRORS = GOOD.replace("return Answer", "raise ValueError").replace("VERSION", "it answers nothing but errors")


class Trial:
    """The function, and what is said about it."""

    def __init__(self, folder: Path, env: dict[str, str], base: Manifest) -> None:
        self.folder, self.env, self._base = folder, env, base
        self._number = 0
        self.url, self.host = env["GATEWAY_URL"], ""
        self.client = httpx.Client(timeout=60)

    def deploy(self, source: str, *options: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        self._write(source, variables)
        return self.run("--overlay", str(self.folder), "--function", NAME, *options)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        places = os.pathsep.join(
            [str(Path(self.env[name]).parent) for name in ("KUBECTL", "KN")] + [os.environ["PATH"]]
        )
        variables = os.environ | {"PYTHONPATH": str(ROOT), "KUBECONFIG": self.env["KUBECONFIG"], "PATH": places}
        command = [sys.executable, "-P", "-m", "deploy", *arguments]
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=WITHIN, check=False)

    def kubectl(self, *arguments: str) -> str:
        command = [self.env["KUBECTL"], "--kubeconfig", self.env["KUBECONFIG"], "--namespace", "wadi", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    def service(self) -> dict[str, Any]:
        return dict(yaml.safe_load(self.kubectl("get", "ksvc", NAME, "-o", "json")))

    def ask(self) -> httpx.Response:
        return self.client.get(f"{self.url}/on-trial", headers={"Host": self.host})

    def versions(self) -> set[str]:
        return {self.ask().json()["version"] for _ in range(20)}

    @contextmanager
    def none_lost(self) -> Iterator[Counter[str]]:
        """Requests one after another, on two lines, for as long as the block lasts."""
        seen: Counter[str] = Counter()
        over = threading.Event()

        def go_on() -> None:
            while not over.is_set():
                try:
                    answer = self.ask()
                    seen[answer.json()["version"] if answer.status_code == 200 else str(answer.status_code)] += 1
                except httpx.HTTPError as error:
                    seen[type(error).__name__] += 1
                time.sleep(0.02)

        lines = [threading.Thread(target=go_on) for _ in range(2)]
        for line in lines:
            line.start()
        try:
            yield seen
        finally:
            over.set()
            for line in lines:
                line.join()

    def _write(self, source: str, variables: dict[str, str]) -> None:
        self._number += 1
        settings = f"on-trial-{self._number}"
        service = yaml.safe_load(yaml.safe_dump(self._base))
        service["metadata"]["name"] = NAME
        service["metadata"]["labels"].pop("networking.knative.dev/visibility")  # without a route in istio/
        template = service["spec"]["template"]
        [container] = template["spec"]["containers"]
        own = {"FUNCTION_TARGET": "on_trial", "FUNCTION_SOURCE": "/trial/on_trial.py"} | variables
        container["env"] = [each for each in container["env"] if each["name"] not in own]
        container["env"] += [{"name": name, "value": value} for name, value in own.items()]
        container["volumeMounts"].append({"name": "trial", "mountPath": "/trial"})
        template["spec"]["volumes"].append({"name": "trial", "configMap": {"name": settings}})
        told = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": settings},
            "data": {"on_trial.py": source},
        }
        self.kubectl_apply(told)
        (self.folder / "service.yaml").write_text(yaml.safe_dump(service))
        kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
        text = yaml.safe_dump(kustomization | {"resources": ["service.yaml"]})
        (self.folder / "kustomization.yaml").write_text(text)

    def kubectl_apply(self, document: Manifest) -> None:
        file = self.folder / "extra.yaml"
        file.write_text(yaml.safe_dump(document))
        self.kubectl("apply", "--server-side", "-f", str(file))


@pytest.fixture(scope="module")
def trial(platform: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    env = platform.env
    built = render(Path(env["OVERLAY"]))
    base = next(each for each in built if each["kind"] == "Service" and each["metadata"]["name"] == "jwks")
    found = Trial(tmp_path_factory.mktemp("trial"), env, base)
    try:
        yield found
    finally:
        found.client.close()
        found.kubectl("delete", "ksvc", NAME, "--ignore-not-found")


@pytest.fixture(scope="module")
def first(trial: Trial) -> str:
    """The revision that works, deployed plainly."""
    ended = trial.deploy(GOOD.replace("VERSION", "one"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "1 of 1 ready"
    trial.host = trial.service()["status"]["url"].removeprefix("http://")
    assert trial.versions() == {"one"}
    return canary.serving(trial.service()) or ""


def rolled_back(trial: Trial, first: str, source: str, *options: str, **variables: str) -> str:
    """Tries a bad revision; what is said. Nobody has noticed it."""
    with trial.none_lost() as seen:
        ended = trial.deploy(source, "--canary", "20", "--watch", "5", *options, **variables)
        assert ended.returncode == 1, ended.stdout
    assert canary.serving(trial.service()) == first
    assert [each["percent"] for each in trial.service()["spec"]["traffic"]] == [100]
    assert set(seen) == {"one"}
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"{NAME}: rolled back, all traffic is on {first}: ")
    return line


def test_a_canary_that_does_not_start(trial: Trial, first: str) -> None:
    assert "does not start" in rolled_back(trial, first, "raise SystemExit('it is broken')")


def test_a_canary_whose_backends_do_not_answer(trial: Trial, first: str) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:9/nothing"
    told = rolled_back(trial, first, GOOD.replace("VERSION", "lonely"), DATABASE_URL=nowhere)
    assert "its /ready says that a backend does not answer" in told


def test_a_canary_that_a_command_does_not_like(trial: Trial, first: str) -> None:
    told = rolled_back(trial, first, GOOD.replace("VERSION", "new"), "--check", "echo $CANARY_URL is ugly; exit 3")
    assert "the check ended with 3: http" in told
    assert f"canary-{NAME}" in told


def test_a_canary_that_answers_errors(trial: Trial, first: str) -> None:
    """Its share of the requests fails until it is noticed; then everything is as it was."""
    with trial.none_lost() as seen:
        ended = trial.deploy(ERRORS, "--canary", "20", "--watch", "60")
    assert ended.returncode == 1
    assert "of its" in ended.stderr
    assert "answers were errors (5xx)" in ended.stderr
    assert canary.serving(trial.service()) == first
    assert set(seen) == {"one", "500"}
    assert trial.versions() == {"one"}


def test_a_good_canary_gets_everything_and_is_taken_back_by_hand(trial: Trial, first: str) -> None:
    with trial.none_lost() as seen:
        ended = trial.deploy(GOOD.replace("VERSION", "two"), "--canary", "30", "--watch", "8")
        assert ended.returncode == 0, ended.stderr
        assert "none of them an error" in ended.stdout
        assert trial.versions() == {"two"}
        assert trial.service()["spec"]["traffic"] == [{"latestRevision": True, "percent": 100}]

        ended = trial.run("--function", NAME, "--rollback")
        assert ended.returncode == 0, ended.stderr
        until(lambda: trial.versions() == {"one"})
    assert set(seen) == {"one", "two"}
    assert canary.serving(trial.service()) == first

    ended = trial.deploy(GOOD.replace("VERSION", "three"))  # plainly: it is no longer pinned
    assert ended.returncode == 0, ended.stderr
    assert "its traffic was pinned" in ended.stdout

"""Whoever deploys and has no cluster, or one that does not answer, is told so in a line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.overlays import ROOT
from tests.cluster.conftest import asked_for
from tools.cluster.build import binary

NOWHERE = """
apiVersion: v1
kind: Config
current-context: nowhere
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: nobody, user: {}}]
"""


@asked_for
@pytest.mark.parametrize(
    ("kubeconfig", "told"),
    [
        ("", "kubectl knows no cluster: set KUBECONFIG"),
        (NOWHERE, "kubectl does not reach the cluster that KUBECONFIG names: dial tcp 127.0.0.1:9"),
    ],
)
def test_a_deploy(kubeconfig: str, told: str, tmp_path: Path) -> None:
    variables = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    variables |= {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    variables["PATH"] = f"{binary('kubectl').parent}{os.pathsep}{variables['PATH']}"
    if kubeconfig:
        variables["KUBECONFIG"] = str(tmp_path / "config")
        (tmp_path / "config").write_text(kubeconfig)
    command = [sys.executable, "-P", "-m", "deploy", "--overlay", "dev"]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith(told)

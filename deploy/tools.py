"""kubectl and kn, which must be on PATH; `./task deploy` builds one that is missing (tools/deploy.py).

They decide which cluster they speak to: KUBECONFIG, and the current context in it.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

NAMESPACE = "wadi"
NO_CLUSTER = ("localhost:8080", "no configuration has been provided")  # what is asked where no kubeconfig is found

_NOISE = re.compile(r"Warning:|[EWI]\d{4} ")  # the latter is its log
_AWAY = re.compile(r"dial (tcp|unix) [^;\n]*\w")


class DeployError(Exception):
    """What did not work: a line for each thing."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))


def _missing(name: str) -> Path:
    raise DeployError(f"There is no {name} on PATH: install it.")


provide_missing: Callable[[str], Path] = _missing  # gives a program that is not on PATH, or raises DeployError


@cache
def program(name: str) -> str:
    return shutil.which(name) or str(provide_missing(name))


def run(name: str, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
    """What the program prints. Raises DeployError with what it says."""
    command = [program(name), *arguments]
    try:
        ended = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise DeployError(f"{name} {' '.join(arguments[:3])} … gave no answer within {timeout:.0f} s.") from None
    if ended.returncode:
        if any(sign in ended.stderr for sign in NO_CLUSTER):
            raise DeployError(f"{name} knows no cluster: set KUBECONFIG (./task cluster:up prints its own).")
        away = _AWAY.search(ended.stderr)
        if away and "Error from server" not in ended.stderr:  # which tells of a webhook that it does not reach
            raise DeployError(f"{name} does not reach the cluster that KUBECONFIG names: {away[0]}.")
        lines = [line for line in ended.stderr.splitlines() if line.strip() and not _NOISE.match(line)]
        raise DeployError(*(lines or [f"{name} {' '.join(arguments[:3])} … ended with {ended.returncode}."]))
    return ended.stdout


def kubectl(*arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
    return run("kubectl", *arguments, stdin=stdin, timeout=timeout)


def kn(*arguments: str) -> str:
    return run("kn", *arguments, "--namespace", NAMESPACE)


def get(*arguments: str) -> dict[str, Any]:
    """What there is of it, as kubectl tells it in JSON; an empty object where there is no such thing."""
    text = kubectl("get", *arguments, "--namespace", NAMESPACE, "--ignore-not-found", "--output", "json")
    return dict(json.loads(text)) if text.strip() else {}


def apply(documents: list[dict[str, Any]], manager: str = "wadi-deploy") -> None:
    """Server-side: what another has set (kn the traffic, an autoscaler the replicas) stays as it is."""
    if documents:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        flags = ("--server-side", "--force-conflicts", "--field-manager", manager, "--filename", "-")
        kubectl("apply", *flags, stdin=text)

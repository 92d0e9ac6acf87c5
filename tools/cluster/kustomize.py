"""What `kubectl apply -k` would send: a folder's documents, put together by kubectl itself."""

import subprocess
from pathlib import Path

import yaml

from tools.backends.cache import BackendError
from tools.cluster.build import binary
from tools.cluster.crds import Document


def render(folder: Path) -> list[Document]:
    ended = subprocess.run(
        [str(binary("kubectl")), "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    if ended.returncode != 0:
        raise BackendError(f"{folder} is no kustomization: {ended.stderr.strip()}")
    return list(yaml.load_all(ended.stdout, Loader=yaml.CSafeLoader))

"""`./task deploy`: deploy/ with the kubectl and kn of the development cluster where PATH has none."""

import sys
from pathlib import Path

import deploy.tools
from deploy.__main__ import main
from deploy.tools import DeployError
from tools.backends.cache import BackendError
from tools.cluster.build import binary


def _built(name: str) -> Path:
    try:
        return binary(name)
    except BackendError as error:
        raise DeployError(f"There is no {name} on PATH, and none can be built: {error}") from error


if __name__ == "__main__":
    deploy.tools.provide_missing = _built
    sys.exit(main())

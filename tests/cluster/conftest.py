"""A real Kubernetes for the tests: `plane` decides about manifests, `cluster` runs what is in them.

Neither is made for who runs ./task test and has not asked for it: building it for the first time takes a quarter of an
hour, and it needs root. ./task cluster:admission and ./task cluster:test ask (REQUIRE_CLUSTER=1).
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.running import Cluster
from tools.backends import kafka as broker
from tools.backends.cache import BackendError
from tools.cluster import admission, down, network
from tools.cluster import plane as planes
from tools.cluster.build import BUILD_SECONDS
from tools.cluster.plane import Plane, Refused
from tools.cluster.up import FOLDER, alone, parts, up

REQUIRED = bool(os.environ.get("REQUIRE_CLUSTER"))
asked_for = pytest.mark.skipif(not REQUIRED, reason="asked for by ./task cluster:test, or REQUIRE_CLUSTER=1")

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "pods: needs all of a cluster; what does not may run beside it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever comes first builds what is missing: more than the quarter of an hour that a test has elsewhere."""
    for item in items:
        if isinstance(item, pytest.Function) and HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS))
            if "cluster" in item.fixturenames:
                item.add_marker(pytest.mark.pods)


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A control plane of its own, with the definitions and webhooks of Knative and the definitions of Istio."""
    if not REQUIRED:
        pytest.skip("asked for by ./task cluster:admission, or REQUIRE_CLUSTER=1")
    folder = tmp_path_factory.mktemp("plane")
    try:
        yield admission.start(folder)
    except BackendError as error:
        pytest.fail(str(error))
    finally:
        admission.stop(folder)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster of ./task cluster:up, which goes on running; else one that is made and ended here."""
    found = all(parts(FOLDER).values())
    if not found and not REQUIRED:
        pytest.skip("./task cluster:up has not been run; ./task cluster:test, or REQUIRE_CLUSTER=1, does that too")
    try:
        env = up(FOLDER, lambda line: print(line, file=sys.stderr, flush=True))
    except (BackendError, Refused) as error:
        pytest.fail(str(error))
    state = FOLDER / "state"
    cable = network.found(state)
    plane = planes.found(state, cable) if cable else None
    assert plane
    yield Cluster(FOLDER, env, plane)
    if not found:
        with alone(FOLDER, print):
            down.end(FOLDER)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own, since neither ./task backends nor a cluster need be there."""
    try:
        server = broker.start(tmp_path_factory.mktemp("kafka"))
    except BackendError as error:
        pytest.fail(str(error))
    yield server.address
    server.kill()


@pytest.fixture(scope="session")
def platform(cluster: Cluster) -> Cluster:
    """With Wadi on it, whichever way its events go."""
    cluster.deploy(cluster.events or "broker")
    return cluster

"""docker-compose.yml: the same servers as ./task backends, of the same versions, on this machine only."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.backends import compose, etcd, kafka, opensearch, s3

FILE = Path(__file__).resolve().parents[2] / "docker-compose.yml"
IMAGES = {
    "postgres": "postgres:",
    "kafka": f"apache/kafka:{kafka.VERSION}",
    "s3": f"versity/versitygw:v{s3.VERSION}",
    "opensearch": f"opensearchproject/opensearch:{opensearch.VERSION}",
    "redis": "redis:",
    "etcd": f"quay.io/coreos/etcd:v{etcd.VERSION}",
}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(FILE.read_text())["services"])


@pytest.fixture(scope="module")
def _go() -> None:
    if shutil.which("go") is None and not os.environ.get("REQUIRE_BACKENDS"):
        pytest.skip("Go is not installed")


@pytest.mark.usefixtures("_go")
def test_docker_compose_would_take_it() -> None:
    assert compose.problem(FILE) == ""


@pytest.mark.usefixtures("_go")
def test_the_check_finds_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(FILE.read_text().replace("healthcheck:", "healthchek:", 1))
    assert "healthchek" in compose.problem(wrong)


def test_it_has_the_servers_of_task_backends(services: dict[str, dict[str, Any]]) -> None:
    assert services.keys() == IMAGES.keys()
    for name, image in IMAGES.items():
        assert services[name]["image"].startswith(image)


@pytest.mark.parametrize("name", IMAGES)
def test_a_service_tells_its_health_and_keeps_its_data_and_itself(name: str, services: dict[str, Any]) -> None:
    service = services[name]
    assert service["healthcheck"]["test"]
    assert service["volumes"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])

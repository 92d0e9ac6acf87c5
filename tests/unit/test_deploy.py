"""What ./task deploy makes of an overlay, and how it tells what is wrong. On a cluster: tests/cluster/test_deploy.py"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import canary, manifests, ready
from deploy.tools import DeployError

KNATIVE = Path(__file__).resolve().parents[2] / "knative"


@pytest.fixture(scope="module")
def built() -> manifests.Built:
    files = [file for folder in ("accounts", "media", "upkeep") for file in sorted((KNATIVE / folder).glob("*.yaml"))]
    files += [KNATIVE / "base" / name for name in ("namespace.yaml", "service-account.yaml", "migrate.yaml")]
    documents = [each for file in files for each in yaml.safe_load_all(file.read_text()) if "kind" in (each or {})]
    return manifests.split([each for each in documents if each["kind"] != "Kustomization"])


def test_settings_come_first_and_migrations_before_all_functions(built: manifests.Built) -> None:
    assert {each["kind"] for each in built.first} == {"Namespace", "ServiceAccount"}
    assert [each["metadata"]["name"] for each in built.migrations] == ["migrate"]
    assert {"Service", "KafkaSource", "PingSource"} <= {each["kind"] for each in built.rest}


@pytest.mark.parametrize("name", ["transcode-segment", "transcode_segment"])
def test_a_function_is_its_service_and_what_wakes_it(built: manifests.Built, name: str) -> None:
    service = manifests.service(built, name)
    assert (service["kind"], service["metadata"]["name"]) == ("Service", "transcode-segment")
    assert [each["kind"] for each in manifests.sources(built, "transcode-segment")] == ["KafkaSource"]
    # where dead letters of others go, it is not what wakes it
    assert {each["metadata"]["name"] for each in manifests.sources(built, "record-failure")} <= {"record-failure"}


def test_a_name_that_is_nearly_one(built: manifests.Built) -> None:
    with pytest.raises(DeployError, match=r"no function transcode here\. Is it transcode-audio or .*transcode-segment"):
        manifests.service(built, "transcode")


def test_an_overlay_that_is_not_there() -> None:
    with pytest.raises(DeployError, match="There is no overlay prodution"):
        manifests.build("prodution")


def service(*conditions: dict[str, str], observed: int = 2) -> dict[str, Any]:
    return {"metadata": {"generation": 2}, "status": {"observedGeneration": observed, "conditions": list(conditions)}}


def test_the_reason_is_told_by_the_condition_that_has_a_message() -> None:
    failed = {"type": "ConfigurationsReady", "status": "False", "reason": "RevisionFailed", "message": "exit code 1\n"}
    told = ready.why_not_ready(service({"type": "Ready", "status": "False"}, failed))
    assert told == ("RevisionFailed: exit code 1", True)


def test_what_was_true_of_the_manifest_before_does_not_count() -> None:
    true = {"type": "Ready", "status": "True"}
    assert ready.why_not_ready(service(true)) == (None, False)
    assert ready.why_not_ready(service(true, observed=1))[0] == "its controller has not looked at it yet"
    assert ready.why_not_ready({})[0] == "it is not there"


def test_who_serves_and_whether_the_traffic_is_pinned() -> None:
    traffic = [{"revisionName": "login-00001", "percent": 90}, {"revisionName": "login-00002", "percent": 10}]
    assert canary.serving({"status": {"traffic": traffic}}) == "login-00001"
    assert canary.serving({}) is None
    assert canary.pinned({"spec": {"traffic": traffic}})
    assert not canary.pinned({"spec": {"traffic": [{"latestRevision": True, "percent": 100}]}})

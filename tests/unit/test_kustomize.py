"""What kustomize makes of knative/: every capability in every overlay, with all that is common; and the numbers."""

import os
import re
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.overlays import OVERLAYS
from events.topics import TOPICS
from shared.config import SETTINGS
from tools.backends.cache import BackendError
from tools.cluster.build import binary
from tools.generate.errors import ROOT
from tools.generate.manifests import domains, manifest_files

KNATIVE = ROOT / "knative"
PARTS = sorted(file for part in ("base", "components", "overlays") for file in (KNATIVE / part).rglob("*"))
NAMES = {file.stem for folder in domains() for file in manifest_files(folder)}
# With everything that runs; the others are settings of Knative and of the mesh.
PLATFORMS = [name for name in OVERLAYS if name.startswith("knative/overlays/")]
RANGES = {"accounts": (3, 10), "media": (5, 20), "storage": (4, 12), "search": (3, 8)}
SECRET = re.compile("SECRET|PASSWORD|TOKEN|ACCESS_KEY")
PASSWORD = re.compile("://[^/]*:[^/]*@")
SCALE = "autoscaling.knative.dev/{}-scale"

DEV = "knative/overlays/dev"

Document = dict[str, Any]
each_platform = pytest.mark.parametrize("overlay", PLATFORMS)


@cache
def kubectl() -> str:
    """That of the cluster's versions where the cluster is asked for, else any that is here."""
    if os.environ.get("REQUIRE_CLUSTER"):
        try:
            return str(binary("kubectl"))
        except BackendError as error:
            pytest.fail(str(error))
    return shutil.which("kubectl") or pytest.skip("there is no kubectl here")


@cache
def rendered(overlay: str) -> list[Document]:
    return built(OVERLAYS[overlay])


def built(folder: Path) -> list[Document]:
    made = subprocess.run(
        [kubectl(), "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert made.returncode == 0, made.stderr
    return list(yaml.load_all(made.stdout, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def of_kind(overlay: str, *kinds: str) -> list[Document]:
    return [document for document in rendered(overlay) if document["kind"] in kinds]


def services(overlay: str) -> dict[str, Document]:
    return {document["metadata"]["name"]: document for document in of_kind(overlay, "Service")}


def container(document: Document) -> Document:
    (only,) = document["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def scale(service: Document) -> tuple[int, int]:
    annotations = service["spec"]["template"]["metadata"]["annotations"]
    return int(annotations[SCALE.format("min")]), int(annotations[SCALE.format("max")])


@cache
def base() -> dict[str, Document]:
    """The Services as they stand in the files of the capabilities."""
    files = [file for folder in domains() for file in manifest_files(folder)]
    documents = [document for file in files for document in yaml.safe_load_all(file.read_text()) if document]
    return {document["metadata"]["name"]: document for document in documents if document["kind"] == "Service"}


def domain(name: str) -> str:
    return next(folder.name for folder in domains() if (folder / f"{name}.yaml").exists())


def settings_of(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


# Without kubectl


@pytest.mark.parametrize("file", [file for file in PARTS if file.suffix == ".env"], ids=lambda f: f.parent.parent.name)
def test_settings_have_the_names_that_the_code_reads_and_hold_no_secret(file: Path) -> None:
    settings = settings_of(file)
    assert settings
    assert settings.keys() - SETTINGS.keys() == set()
    assert [name for name, value in settings.items() if SECRET.search(name) or PASSWORD.search(value)] == []


def test_a_patch_is_for_services_that_there_are() -> None:
    """kustomize says nothing about a patch that fits nothing."""
    wanted = {
        name
        for file in PARTS
        if file.name == "kustomization.yaml"
        for patch in yaml.safe_load(file.read_text()).get("patches", [])
        for name in patch.get("target", {}).get("name", "").split("|")
        if name and patch["target"]["kind"] in ("Service", "KafkaSource")
    }
    assert wanted
    assert wanted - NAMES == set()


# With kubectl


@each_platform
def test_every_capability_is_there_once(overlay: str) -> None:
    found = Counter(document["metadata"]["name"] for document in of_kind(overlay, "Service"))
    assert set(found) == NAMES
    assert found.total() == len(found)
    twice = Counter((document["kind"], document["metadata"]["name"]) for document in rendered(overlay))
    assert [name for name, count in twice.items() if count > 1] == []


@each_platform
def test_all_of_it_is_in_our_namespace(overlay: str) -> None:
    everywhere = {"Namespace", "PriorityClass"}
    outside = [each for each in rendered(overlay) if each["metadata"].get("namespace") != "wadi"]
    assert {each["kind"] for each in outside} <= everywhere
    assert {each["metadata"]["name"] for each in outside if each["kind"] == "Namespace"} == {"wadi"}


@each_platform
def test_every_container_has_what_is_common(overlay: str) -> None:
    for document in of_kind(overlay, "Service", "Job"):
        pod, here = document["spec"]["template"]["spec"], container(document)
        assert here["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert pod["serviceAccountName"] == "wadi"
        assert pod["automountServiceAccountToken"] is False
        assert [next(iter(each.values()))["name"] for each in here["envFrom"]] == ["wadi-config", "wadi-secrets"]
        assert {each["mountPath"]: each["name"] for each in here["volumeMounts"]} == {"/tmp": "tmp", "/data": "data"}
        assert {each["name"] for each in pod["volumes"] if "emptyDir" in each} == {"tmp", "data"}
        assert here["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in here["resources"]["limits"]


@each_platform
def test_every_function_is_probed_scraped_and_only_reached_inside(overlay: str) -> None:
    for name, service in services(overlay).items():
        template, here = service["spec"]["template"], container(service)
        assert here["readinessProbe"]["httpGet"] == here["livenessProbe"]["httpGet"] == {"path": "/health"}
        annotations = template["metadata"]["annotations"]
        port = str(here["ports"][0]["containerPort"])
        assert {key: value for key, value in annotations.items() if key.startswith("prometheus.io/")} == {
            "prometheus.io/scrape": "true",
            "prometheus.io/path": "/metrics",
            "prometheus.io/port": port,
        }
        assert service["metadata"]["labels"]["networking.knative.dev/visibility"] == "cluster-local"
        assert template["metadata"]["labels"]["app.kubernetes.io/component"] == domain(name)
        assert template["metadata"]["labels"]["app.kubernetes.io/part-of"] == "wadi"


@each_platform
def test_a_process_is_told_what_its_service_promises(overlay: str) -> None:
    for name, service in services(overlay).items():
        env = {each["name"]: each["value"] for each in container(service)["env"]}
        assert env == {
            "FUNCTION_TARGET": name.replace("-", "_"),
            "CONTAINER_CONCURRENCY": str(service["spec"]["template"]["spec"]["containerConcurrency"]),
            "TIMEOUT_SECONDS": str(service["spec"]["template"]["spec"]["timeoutSeconds"]),
        }


@each_platform
def test_images_are_renamed_and_pinned(overlay: str) -> None:
    for document in of_kind(overlay, "Service", "Job"):
        image = container(document)["image"]
        assert not image.startswith("wadi/")
        assert re.search(r"(:(?!latest)[\w.-]+|@sha256:[0-9a-f]{64})$", image), image


@each_platform
def test_scaling_fits(overlay: str) -> None:
    for name, service in services(overlay).items():
        least, most = scale(service)
        assert least <= most
        assert most > 0, "0 would be without a limit"
        if scale(base()[name])[1] == 1:
            assert (least, most) == (0, 1), f"{name} is one at a time"


@each_platform
def test_the_address_of_kafka_stands_once(overlay: str) -> None:
    (settings,) = of_kind(overlay, "ConfigMap")
    assert settings["metadata"]["name"] == "wadi-config"
    for source in of_kind(overlay, "KafkaSource"):
        assert source["spec"]["bootstrapServers"] == [settings["data"]["KAFKA_BROKERS"]]


@each_platform
def test_what_is_named_is_there(overlay: str) -> None:
    for budget in of_kind(overlay, "PodDisruptionBudget"):
        assert budget["spec"]["selector"]["matchLabels"]["serving.knative.dev/service"] in NAMES
    accounts = {account["metadata"]["name"] for account in of_kind(overlay, "ServiceAccount")}
    used = {each["spec"]["template"]["spec"]["serviceAccountName"] for each in of_kind(overlay, "Service", "Job")}
    assert used <= accounts


def test_dev_goes_to_zero() -> None:
    found = [service["spec"]["template"]["metadata"]["annotations"] for service in services(DEV).values()]
    assert {each[SCALE.format("min")] for each in found} == {"0"}


@each_platform
def test_what_runs_each_minute_goes_in_between(overlay: str) -> None:
    pings = [one["spec"] for one in of_kind(overlay, "PingSource") if one["spec"]["schedule"] == "* * * * *"]
    assert pings
    for ping in pings:
        annotations = services(overlay)[ping["sink"]["ref"]["name"]]["spec"]["template"]["metadata"]["annotations"]
        assert int(annotations["autoscaling.knative.dev/window"].removesuffix("s")) < 30


def test_production_keeps_the_ranges() -> None:
    """Those that somebody waits for have the range of their domain, and none goes beyond it."""
    by_domain = Counter[tuple[str, tuple[int, int]]]()
    for name, service in services("knative/overlays/production").items():
        if domain(name) in RANGES:
            least, most = scale(service)
            assert most <= RANGES[domain(name)][1]
            assert least in (0, RANGES[domain(name)][0])
            by_domain[domain(name), (least, most)] += 1
    assert {key: by_domain[key] for key in RANGES.items()} == {
        ("accounts", (3, 10)): 4,
        ("media", (5, 20)): 1,
        ("storage", (4, 12)): 5,
        ("search", (3, 8)): 1,
    }


def test_production_has_the_sizes_that_were_asked_for() -> None:
    found = services("knative/overlays/production")
    media = ("transcode-segment", "transcode-priority", "transcode-audio", "plan-video", "make-thumbnails")
    for name in (*media, "extract-subtitles"):
        assert container(found[name])["resources"] == {
            "requests": {"cpu": "2", "memory": "2Gi"},
            "limits": {"cpu": "4", "memory": "4Gi"},
        }
    for name in (name for name in NAMES if domain(name) == "storage"):
        assert container(found[name])["resources"] == {
            "requests": {"cpu": "250m", "memory": "512Mi"},
            "limits": {"cpu": "500m", "memory": "1Gi"},
        }


def test_an_overlay_of_ones_own_on_top(tmp_path: Path) -> None:
    """As docs/deploy/settings-and-scaling.md has it."""
    there = os.path.relpath(KNATIVE, tmp_path)
    write(
        tmp_path,
        kind="Kustomization",
        resources=[f"{there}/overlays/production"],
        components=["settings", f"{there}/components/derived"],
        images=[
            {
                "name": f"registry.example.com/wadi/{image}",
                "newName": f"ghcr.io/me/{image}",
                "digest": "sha256:" + "a" * 64,
            }
            for image in ("api", "media")
        ],
    )
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "settings.env").write_text("KAFKA_BROKERS=one:9092,two:9092\n")
    write(
        tmp_path / "settings",
        kind="Component",
        configMapGenerator=[{"name": "wadi-config", "behavior": "merge", "envs": ["settings.env"]}],
        generatorOptions={"disableNameSuffixHash": True},
    )
    found = built(tmp_path)
    images = {container(each)["image"].partition("@")[0] for each in found if each["kind"] in ("Service", "Job")}
    assert images == {"ghcr.io/me/api", "ghcr.io/me/media"}
    sources = [each["spec"]["bootstrapServers"] for each in found if each["kind"] == "KafkaSource"]
    assert sources == [["one:9092,two:9092"]] * len(sources)
    (settings,) = [each["data"] for each in found if each["kind"] == "ConfigMap"]
    assert settings["REPLICATION_FACTOR"] == "3", "what is not named stays"


def write(folder: Path, **kustomization: Any) -> None:
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))


def test_priority_has_pods_that_go_first_and_wait_for_work() -> None:
    found, usual = services("knative/overlays/priority"), services("knative/overlays/production")
    changed = [name for name in NAMES if found[name] != usual[name]]
    assert changed == ["transcode-priority"]
    (priority,) = of_kind("knative/overlays/priority", "PriorityClass")
    assert found["transcode-priority"]["spec"]["template"]["spec"]["priorityClassName"] == priority["metadata"]["name"]
    assert priority["value"] > 0
    assert scale(found["transcode-priority"]) == (2, 20)


def test_keda_has_a_consumer_for_each_partition_at_most() -> None:
    for source in of_kind("knative/overlays/keda", "KafkaSource"):
        annotations = source["metadata"]["annotations"]
        partitions = max(TOPICS[topic].partitions for topic in source["spec"]["topics"])
        assert annotations["autoscaling.eventing.knative.dev/class"] == "keda.autoscaling.knative.dev"
        assert int(annotations["autoscaling.eventing.knative.dev/max-scale"]) == partitions, source["metadata"]["name"]


BROKERS = ("knative/overlays/broker", "knative/overlays/broker-kafka")


@pytest.mark.parametrize("overlay", BROKERS)
def test_with_a_broker_a_trigger_stands_for_each_source(overlay: str) -> None:
    sources = {one["metadata"]["name"]: one["spec"] for one in of_kind("knative/overlays/production", "KafkaSource")}
    triggers = {one["metadata"]["name"]: one["spec"] for one in of_kind(overlay, "Trigger")}
    assert of_kind(overlay, "KafkaSource") == []
    assert triggers.keys() == sources.keys() != set()
    for name, trigger in triggers.items():
        (filtered,) = trigger["filters"]
        assert [one["exact"]["type"] for one in filtered.get("any", [filtered])] == sources[name]["topics"]
        assert trigger["subscriber"] == sources[name]["sink"]
        letters = {**trigger["delivery"]["deadLetterSink"]}
        assert letters.pop("uri") == f"/?consumer={name}"
        assert {**trigger["delivery"], "deadLetterSink": letters} == sources[name]["delivery"]


@pytest.mark.parametrize(
    ("overlay", "kind", "ingress"),
    [(BROKERS[0], "MTChannelBasedBroker", "broker-ingress"), (BROKERS[1], "Kafka", "kafka-broker-ingress")],
)
def test_functions_send_to_the_broker_and_not_to_kafka(overlay: str, kind: str, ingress: str) -> None:
    (broker,) = of_kind(overlay, "Broker")
    assert broker["metadata"]["annotations"]["eventing.knative.dev/broker.class"] == kind
    address = f"/{broker['metadata']['namespace']}/{broker['metadata']['name']}"
    (settings,) = [one["data"] for one in of_kind(overlay, "ConfigMap") if one["metadata"]["name"] == "wadi-config"]
    assert settings["K_SINK"] == f"http://{ingress}.knative-eventing.svc.cluster.local{address}"
    assert settings["KAFKA_BROKERS"] == ""
    assert [one["metadata"]["name"] for one in of_kind(overlay, "Job")] == ["migrate"]


def test_strimzi_makes_the_topics_of_the_table() -> None:
    made = subprocess.run(
        [kubectl(), "kustomize", str(KNATIVE / "components" / "topics")], capture_output=True, text=True, check=True
    )
    topics = {one["metadata"]["name"]: one["spec"] for one in yaml.safe_load_all(made.stdout)}
    assert {name: (one["partitions"], one["replicas"]) for name, one in topics.items()} == {
        name: (topic.partitions, topic.replication) for name, topic in TOPICS.items()
    }
    assert all(one["config"]["min.insync.replicas"] == "2" for one in topics.values())

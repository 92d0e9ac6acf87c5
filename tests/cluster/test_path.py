"""From an account to a film that plays, on a cluster where nothing ran: every function starts from zero and goes back.

The same functions and manifests twice: with Knative's Broker and Triggers, and with Kafka and KafkaSources.
"""

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import httpx
import pytest
import yaml

from tests.cli.runs import Ended, User, small_clip
from tests.cluster.running import NAMESPACE, OVERLAYS, Cluster
from tests.e2e.playlists import fetch, hls_tracks
from tests.patience import until
from tools.cluster.kustomize import render

FRAMES = 50  # of small_clip
WITHIN = 420  # two cores run the cluster, its servers and the encoders; one film takes a minute when they are idle
PASSWORD = "correct horse battery staple"
SENT = {"register", "login", "init-upload", "complete-upload"}
CHAIN = {"plan-video", "transcode-segment", "transcode-audio", "publish-video", "place-segment", "index-video"}
READ = {"video-status", "manifest"}


@dataclass(frozen=True)
class Film:
    """What came of an upload."""

    user: User
    ended: Ended
    woken: Callable[[], set[str]]

    @property
    def id(self) -> str:
        return str(self.ended.objects[-1]["id"])


@pytest.fixture(scope="module", params=OVERLAYS)
def deployed(request: pytest.FixtureRequest, cluster: Cluster) -> Cluster:
    cluster.deploy(request.param)
    return cluster


@pytest.fixture(scope="module")
def film(deployed: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Film]:
    """Uploaded by `wadi`, as a user does, when no function that it needs has a pod."""
    folder = tmp_path_factory.mktemp("user")
    user = User(folder, server=deployed.gateway)
    clip = small_clip(folder / "clip.mp4")
    _until_none_is_awake(deployed, SENT | CHAIN)
    with deployed.watched(folder / "pods") as woken:
        address = f"somebody-{time.time_ns()}@example.org"
        for command in ("register", "login"):
            ended = user.wadi(command, address, "--password-stdin", stdin=f"{PASSWORD}\n", timeout=WITHIN)
            assert ended.code == 0, ended.err
        ended = user.wadi("upload", str(clip), "--watch", "--json", "--timeout", str(WITHIN), timeout=WITHIN)
        assert ended.code == 0, ended.err + _explained(deployed)
        yield Film(user, ended, woken)


def test_the_film_is_ready(film: Film) -> None:
    assert film.ended.objects[-1]["state"] == "ready"


def test_every_function_of_the_chain_was_woken(film: Film) -> None:
    """The last of them by the event that tells of the film's being ready, so a moment after the user was told."""
    until(lambda: film.woken() >= SENT | CHAIN, lambda: f"asleep: {(SENT | CHAIN) - film.woken()}", WITHIN)


def test_all_of_the_film_is_fetched_through_the_gateway_and_decoded(
    film: Film, deployed: Cluster, tmp_path: Path
) -> None:
    """By functions that had no pod before, either."""
    _until_none_is_awake(deployed, READ)
    with deployed.watched(tmp_path / "pods") as woken, httpx.Client(timeout=60) as client:
        at = f"{deployed.gateway}/api/videos/{film.id}"
        assert fetch(client, f"{at}/status").json()["state"] == "ready"
        tracks = hls_tracks(client, f"{at}/manifest/master.m3u8")
        assert [track.height for track in tracks] == [0, 240]
        picture = tracks[1].fetch(client)
        until(lambda: woken() >= READ, lambda: f"asleep: {READ - woken()}", WITHIN)
    with av.open(io.BytesIO(picture), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES


def test_all_go_back_to_zero(film: Film, deployed: Cluster) -> None:
    _until_none_is_awake(deployed, SENT | CHAIN | READ)


def test_a_function_is_applied_by_kn(deployed: Cluster, tmp_path: Path) -> None:
    """As anybody may who has kn and not our tools: one file, one command."""
    [login] = [
        one for one in render(deployed.folder / "wadi") if (one["kind"], one["metadata"]["name"]) == ("Service", "jwks")
    ]
    login["metadata"]["name"] = "by-kn"
    file = tmp_path / "by-kn.yaml"
    file.write_text(yaml.safe_dump(login))
    assert "by-kn" in deployed.kn("service", "apply", "by-kn", "--filename", str(file))
    try:
        host = f"by-kn.{NAMESPACE}.svc.cluster.local"
        answer = fetch_as(deployed, host, "/.well-known/jwks.json")
        assert answer.json()["keys"]
    finally:
        deployed.kn("service", "delete", "by-kn")


def fetch_as(cluster: Cluster, host: str, path: str) -> httpx.Response:
    with httpx.Client(timeout=60, headers={"host": host}) as client:
        return fetch(client, f"{cluster.gateway}{path}")


def _until_none_is_awake(cluster: Cluster, functions: set[str]) -> None:
    def awake() -> dict[str, int]:
        replicas = cluster.replicas()
        assert functions <= replicas.keys(), f"not deployed: {functions - replicas.keys()}"
        return {name: count for name, count in replicas.items() if name in functions and count}

    until(lambda: not awake(), lambda: f"awake: {awake()}", WITHIN)


def _explained(cluster: Cluster) -> str:
    return "\n" + cluster.plane.kubectl("get", "pods,ksvc", namespace=NAMESPACE)

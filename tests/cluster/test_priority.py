"""On a cluster: the segments of an ENTERPRISE account's film are encoded by pods of their own."""

import time
from pathlib import Path

from tests.cli.runs import User, small_clip
from tests.cluster.running import NAMESPACE, Cluster

WITHIN = 420  # as in test_path.py
PASSWORD = "correct horse battery staple"


def test_an_enterprise_film_wakes_pods_of_its_own(platform: Cluster, tmp_path: Path) -> None:
    user = User(tmp_path, server=platform.gateway)
    owner = User(tmp_path, extra={"DATABASE_URL": platform.env["DATABASE_URL"]})
    clip = small_clip(tmp_path / "clip.mp4")
    address = f"enterprise-{time.time_ns()}@example.org"

    def must(who: User, *arguments: str, stdin: str | None = None) -> None:
        ended = who.wadi(*arguments, stdin=stdin, timeout=WITHIN)
        assert ended.code == 0, ended.err + platform.plane.kubectl("get", "pods,ksvc", namespace=NAMESPACE)

    must(user, "register", address, "--password-stdin", stdin=f"{PASSWORD}\n")
    must(owner, "users", "role", address, "enterprise")
    must(user, "login", address, "--password-stdin", stdin=f"{PASSWORD}\n")
    with platform.watched(tmp_path / "pods") as woken:
        must(user, "upload", str(clip), "--watch", "--timeout", str(WITHIN))
        assert "transcode-priority" in woken()

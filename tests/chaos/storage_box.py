"""A running platform whose storage is to be harmed, and what must be true of it in the end."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.db import transaction
from shared.objects.directory import DirectoryStore
from shared.storage import ObjectRef
from shared.storage.replicas import corruption
from shared.uploads.sources import release_again
from tests.chaos.media import film, renditions
from tests.cli.runs import User, free_port
from tests.conftest import Database
from tests.functions.waking import ping
from tests.patience import until

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
WITHIN = 300.0
SECRET = "a secret for chaos tests only, long enough to derive keys from"
HARMS = ("deleted", "short", "changed")
EMAIL, PASSWORD = "owner@example.org", "correct horse battery\n"


class StorageBox:
    """The platform of a user, on a database that this process can look into and work on as well."""

    def __init__(self, user: User, database: Database) -> None:
        self.user = user
        self.database = database
        url = user.wadi("status", "--json").objects[0]["url"]
        self.client = httpx.Client(base_url=url, timeout=60)
        self.videos: dict[str, str] = {}  # acknowledged uploads, and the clip that each is of

    def wadi(self, *arguments: str, stdin: str | None = None) -> list[dict[str, Any]]:
        ended = self.user.wadi(*arguments, stdin=stdin, timeout=WITHIN)
        assert ended.code == 0, f"wadi {' '.join(arguments)}: {ended.err}"
        return ended.objects if "--json" in arguments else []

    def upload(self, clip: Path) -> str:
        video = str(self.wadi("upload", str(clip), "--json")[-1]["id"])
        self.videos[video] = clip.name
        return video

    def ready(self, video: str) -> dict[str, str]:
        """Waits for a video; the hash of every rendition's bytes."""
        said: dict[str, Any] = {}

        def settled() -> bool:
            said.update(self.client.get(f"/api/videos/{video}/status").json())
            return said.get("state") in ("ready", "failed")

        until(settled, lambda: f"{video} is ready, not {said}", WITHIN)
        assert said["state"] == "ready", said
        return renditions(self.client, video)

    def stores(self) -> dict[str, DirectoryStore]:
        rows = self.database.all("select id, location from node where state <> 'removed'")
        return {row["id"]: DirectoryStore(row["id"], Path(row["location"])) for row in rows}

    def objects(self) -> dict[str, list[str]]:
        """Every object, and the nodes that are recorded to have it."""
        rows = self.database.all(
            "select key, array(select node_id from replica where object_key = key order by node_id) as nodes"
            " from object order by key"
        )
        return {row["key"]: row["nodes"] for row in rows}

    def quiet(self) -> None:
        """Waits until nothing is left to be done for any video."""
        look = self.database.one
        until(lambda: look("select 1 from outbox limit 1") is None, "the outbox is empty", WITHIN)
        until(lambda: look("select 1 from delivery limit 1") is None, "nobody is owed an event", WITHIN)
        until(
            lambda: look("select 1 from media_segment where placed_at is null limit 1") is None, "all is placed", WITHIN
        )
        # The poster may come last of all; then the source stays until expire_uploads looks, each ten minutes.
        with transaction("/wadi/expire-uploads") as tx:
            release_again(tx, 0, 100)
        until(
            lambda: look("select 1 from object where key like 'sources/%%' limit 1") is None,
            "the sources are gone",
            WITHIN,
        )

    def whole(self, expected: dict[str, dict[str, str]]) -> None:
        """Every acknowledged upload is ready with the same bytes, has all its replicas, and nothing lies about."""
        for video, clip in self.videos.items():
            assert self.ready(video) == expected[clip], f"{video} of {clip}"
        self.quiet()
        assert self.database.all("select * from dead_letter") == []
        assert self.database.all("select * from lost_object") == []
        stores = self.stores()
        for key, nodes in self.objects().items():
            assert set(nodes) == set(stores), key
        for row in self.database.all(
            "select key, size, sha256, part_size, node_id from object join replica on object_key = key"
        ):
            node = row.pop("node_id")
            assert corruption(stores[node], ObjectRef(**row)) is None, (node, row)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GARBAGE_GRACE_HOURS", "0")
            assert ping("collect_garbage").status_code == 204
        recorded = {(node, key) for key, nodes in self.objects().items() for node in nodes}
        lying = {(store.id, each.key) for store in stores.values() for each in store.listing()}
        assert {each for each in lying if not each[1].startswith("probes/")} == recorded


@contextmanager
def storage_box(home: Path, database: Database, **settings: str) -> Iterator[StorageBox]:
    extra = {
        "WADI_PORT": str(free_port()),
        "JWT_SECRET": SECRET,
        "DATABASE_URL": database.url,
        "SCRUB_BYTES_PER_SECOND": "0",
        "STALLED_AFTER_SECONDS": "20",
        **settings,
    }
    home.mkdir()
    user = User(home, extra=extra)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WADI_DATA", str(home / "data"))
        for name, value in extra.items():
            if name != "LD_PRELOAD":
                patch.setenv(name, value)
        try:
            for arguments in (["up"], ["register", EMAIL, "--password-stdin"], ["users", "role", EMAIL, "ADMIN"]):
                ended = user.wadi(*arguments, stdin=PASSWORD if "register" in arguments else None)
                assert ended.code == 0, ended.err
            ended = user.wadi("login", EMAIL, "--password-stdin", stdin=PASSWORD)
            assert ended.code == 0, ended.err
            box = StorageBox(user, database)
            yield box
            box.client.close()
        finally:
            user.wadi("down")


def clips(folder: Path, count: int) -> list[Path]:
    return [
        film(folder / f"clip-{number}.mp4", seconds=5 + number % 3, tone=300 + 50 * number) for number in range(count)
    ]


def again(clip: Path, number: int) -> Path:
    """The same film under another name, so that it is another upload."""
    copy = clip.with_name(f"{number}-{clip.name}")
    shutil.copyfile(clip, copy)
    return copy


def harm(path: Path, kind: str) -> None:
    """Deletes a file, cuts it short, or changes one bit of it."""
    data = path.read_bytes()
    match kind:
        case "deleted":
            path.unlink()
        case "short":
            path.write_bytes(data[: len(data) // 2])
        case "changed":
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

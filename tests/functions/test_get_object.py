"""Frozen objects are read by signed URLs, in part or whole, with any two nodes away, and at every moment."""

from itertools import combinations
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from werkzeug.test import TestResponse

from events import VideoRecalled
from shared.db import transaction
from shared.runtime.serve import create_app
from shared.storage import signed_url, signed_urls
from tests.conftest import Database, Wadi
from tests.functions.deleting import delete
from tests.functions.freezing import Cellar, cellar, freeze
from tests.functions.people import Person, assert_problem
from tests.functions.waking import deliver


@pytest.fixture
def six(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cellar:
    return cellar(database, tmp_path / "nodes", monkeypatch)


def url_of(key: str) -> str:
    with transaction() as tx:
        return signed_url(tx, key)


def get(url: str, **headers: str) -> TestResponse:
    answer: TestResponse = create_app("get_object").test_client().get(url, headers=headers)
    return answer


def test_whole_and_in_part(six: Cellar) -> None:
    _, objects = six.video(300_001)
    ((key, data),) = objects.items()
    freeze()
    url = url_of(key)
    assert url.startswith("/api/objects?")
    answer = get(url)
    assert (answer.status_code, answer.data, answer.content_type) == (200, data, "video/iso.segment")
    assert answer.headers["Content-Length"] == str(len(data))
    for asked, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=262143-262144", 262143, 262145),
        ("bytes=299999-", 299999, 300001),
        ("bytes=-5", 299996, 300001),
        ("bytes=100-999999", 100, 300001),
    ):
        answer = get(url, Range=asked)
        assert (answer.status_code, answer.data) == (206, data[start:end]), asked
        assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(data)}"
    assert_problem(get(url, Range="bytes=300001-"), 416, "range-not-satisfiable")


def test_any_two_nodes_may_be_away(six: Cellar) -> None:
    _, objects = six.video(300_001)
    ((key, data),) = objects.items()
    freeze()
    url = url_of(key)
    for two in combinations([f"node-{n}" for n in range(1, 7)], 2):
        with six.away(*two):
            assert get(url).data == data
            assert get(url, Range="bytes=70000-270000").data == data[70000:270001]
    with six.away("node-1", "node-2", "node-3"):
        assert_problem(get(url), 503, "unavailable")


def test_damaged_shards_do_not_spoil_what_is_read(six: Cellar) -> None:
    _, objects = six.video(300_001)
    ((key, data),) = objects.items()
    freeze()
    for shard in six.shards(key)[:2]:
        path = six.file(shard["node_id"], shard["key"])
        path.write_bytes(bytes(len(path.read_bytes())))
    assert get(url_of(key)).data == data
    path = six.file(six.shards(key)[2]["node_id"], six.shards(key)[2]["key"])
    path.unlink()
    assert_problem(get(url_of(key)), 503, "unavailable")


def test_before_in_between_and_after(six: Cellar) -> None:
    """One URL for each object at every moment, and one that was given out while it was frozen works afterwards."""
    video, objects = six.video(20_000, 300_001)
    keys = list(objects)
    assert all(url.startswith("/objects/") for url in _urls(keys).values())
    freeze()
    cold = _urls(keys)
    assert cold.keys() == objects.keys()
    assert deliver("thaw", VideoRecalled(video)).status_code == 204
    warm = _urls(keys)
    for key in keys:
        answer = get(cold[key])
        assert answer.status_code == 302
        for proxy in ("https://host", "https://host/video"):  # which takes /video off the path
            assert urljoin(f"{proxy}/api/objects?key=x", answer.headers["Location"]) == f"{proxy}{warm[key]}"


def test_half_frozen(six: Cellar) -> None:
    _, objects = six.video(20_000, 300_001)
    first, second = objects
    freeze()
    path = six.file("node-1", second)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(objects[second])
    six.database.all("insert into replica (object_key, node_id) values (%s, 'node-1')", (second,))
    urls = _urls([first, second])
    assert urls[first].startswith("/api/objects?")
    assert urls[second].startswith("/objects/node-1/")


def test_only_who_has_the_url(six: Cellar, creator: Person) -> None:
    video, objects = six.video(20_000, 20_000)
    first, second = objects
    freeze()
    url = url_of(first)
    fields = dict(parse_qsl(urlsplit(url).query))
    client = create_app("get_object").test_client()
    assert client.get("/api/objects", query_string=fields).status_code == 200
    for change in ({"key": second}, {"expires": "9999999999"}, {"signature": "0" * 64}, {"more": "1"}):
        assert_problem(client.get("/api/objects", query_string=fields | change), 403, "invalid-signature")
    assert client.get("/api/objects").status_code in (400, 403)
    six.database.all("update video set owner_id = %s where id = %s", (creator.user_id, video))
    delete(creator, video)
    assert_problem(get(url), 404, "not-found")


def _urls(keys: list[str]) -> dict[str, str]:
    with transaction() as tx:
        return signed_urls(tx, keys)

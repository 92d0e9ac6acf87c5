"""What requests ask the database is answered from indexes, however much there is.

A database is filled with a hundred thousand of everything; then the real functions are called, and PostgreSQL itself
(auto_explain) tells how it ran each of their statements, those of triggers included. Every GET of the platform is
called, as every caller, with every choice in its query: a new one needs nothing here.
"""

import re
import time
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from werkzeug.test import TestResponse

from events import MessageSent, SegmentEncoded, VideoReady
from shared import db
from shared.identity import Role
from shared.objects import signing
from shared.storage.nodes.nodes import load
from tests.conftest import Database, Wadi
from tests.contract.plans import ALONE, MANY, Json, Plans, explained, nth, person
from tests.functions.people import Person
from tests.functions.waking import deliver, ping
from tests.openapi import assert_as_documented
from tests.routes import CURSOR, ROUTES, path, queries


@pytest.fixture(scope="module")
def plans(database: Database, wadi: Wadi) -> Iterator[Plans]:
    with explained(database) as found:
        yield found


# --- every GET, as its types allow it to be asked

WITH_BYTES = nth("g", 22)  # a segment whose bytes are on the node that the database names
BYTES_OF = nth("v", 12)  # its video
# What the types of a query do not tell.
KNOWN = {"GET /api/search": {"q": "word71"}}
# Reports for administrators that sum over everything there is, on purpose: nobody waits for them.
REPORTS = {
    "GET /api/nodes": "counts the objects of every node",
    "GET /api/storage/report": "sums the bytes of every tier",
    "GET /api/storage/scrub": "counts the replicas that are due",
}
GETS = [route for route, each in ROUTES.items() if each.route.method == "GET"]


@pytest.fixture(scope="module")
def things(plans: Plans, database: Database) -> dict[str, str]:
    """One of everything that a path can name, and that person 12 may see: it has much in common with others."""
    with db.transaction() as tx:
        nodes = load(tx)
    for key in (f"videos/{BYTES_OF}/22", f"videos/{BYTES_OF}/init-22"):
        (row,) = database.all("select node_id from replica where object_key = %s", (key,))
        stored = nodes.store(row["node_id"]).put(key, [key.encode()])
        database.all("update object set size = %s, sha256 = %s where key = %s", (stored.size, stored.sha256, key))
    upload = person().post("init_upload", "/api/uploads", {"name": "film.mp4", "size": 1000})
    assert upload.json is not None, upload.text
    return {
        "videos": nth("v", 11),
        "message": nth("m", 50_000),
        "manifest": "master.m3u8",
        "segments": WITH_BYTES,
        "media": signing.grant(BYTES_OF, int(time.time()) + 3600),
        "files": "360p.0.m4s",
        "uploads": upload.json["id"],
    }


def callers(route: str) -> dict[str, Person]:
    """Everybody who may ask: the plan may depend on who it is."""
    least = ROUTES[route].access.role
    found = {} if least else {"nobody": Person()}
    return found | {role.value: person(role=role) for role in Role if least is None or role.includes(least)}


def signed() -> dict[str, str]:
    """The query of a URL for a frozen object."""
    url = signing.sign("GET", "/api/objects", int(time.time()) + 3600, {"key": f"videos/{BYTES_OF}/22"})
    return dict(parse_qsl(urlsplit(url).query))


def ask(route: str, caller: Person, things: dict[str, str], query: dict[str, str]) -> TestResponse:
    answer = caller.get(ROUTES[route].name, path(route, things), **query)
    assert answer.status_code in (200, 302), f"{route} {query}: {answer.text}"
    assert_as_documented(route, answer)
    return answer


def asked(route: str, caller: Person, things: dict[str, str]) -> Iterator[dict[str, str]]:
    """Asks everything that the types of the query allow, and for the page after the first; yields each query."""
    known = signed() if route == "GET /api/objects" else KNOWN.get(route, {})
    known |= dict.fromkeys(("before", "after"), things["message"])
    for query in queries(route, known):
        if caller.token is None and query.get("owner") == "me":
            continue  # refused, before anything is read
        answer = ask(route, caller, things, query)
        yield query
        if answer.is_json and (answer.json or {}).get("next"):
            after = query | {CURSOR: answer.json["next"]}  # type: ignore[index]  # it is not None, see above
            ask(route, caller, things, after)
            yield after


@pytest.mark.parametrize("route", GETS)
def test_every_get(route: str, plans: Plans, things: dict[str, str]) -> None:
    check(route, plans, things)


@pytest.mark.parametrize("route", [route for route in GETS if "/videos/{id}" in route])
def test_every_get_of_a_video_that_has_nothing_in_common_with_others(
    route: str, plans: Plans, things: dict[str, str]
) -> None:
    """A list that never gets full is looked for to the end."""
    check(route, plans, things | {"videos": nth("v", ALONE), "message": nth("m", MANY + 1)})


def check(route: str, plans: Plans, things: dict[str, str]) -> None:
    """Asks as everybody, and finds no fault in any plan."""
    plans.take()
    found = []
    for name, caller in callers(route).items():
        for query in asked(route, caller, things):
            found += [f"{route} {query} of {name}: {fault}" for fault in plans.faults()]
    if route in REPORTS:
        assert found != [], "it is no longer in need of an exception: remove it from REPORTS"
    else:
        assert found == [], "\n".join(found)


# --- what the types of a query do not tell, and what is no GET

OWN = 2011  # a video of person 12, who has many


def test_the_tables_are_big(plans: Plans) -> None:
    assert plans._big >= {
        *("account", "session", "refresh_token", "rate_limit", "upload"),
        *("video", "media_segment", "object", "replica", "message", "search_document", "inbox", "topic_record"),
    }


def test_a_scan_is_noticed(plans: Plans) -> None:
    with db.transaction() as tx:
        tx.value(int, "select count(*) from message where body = 'x'")
        tx.execute("set local enable_seqscan = off")  # so many rows that the planner would not always take the index
        tx.value(int, "select count(*) from message where video_id = %s", (nth("v", 11),))
    first, second = plans.faults()
    assert first.startswith("Seq Scan on message: select count(*)")
    assert re.match(r"(Index|Bitmap).* of \d{5} rows of message: select count", second)


READS: dict[str, tuple[str, str, Json]] = {
    "all films": ("list_videos", "/api/videos", {}),
    "all films, far down": ("list_videos", "/api/videos", {"cursor": nth("v", 50)}),
    "own films": ("list_videos", "/api/videos", {"owner": "me"}),
    "own films, far down": ("list_videos", "/api/videos", {"owner": "me", "cursor": nth("v", OWN)}),
    "a film": ("get_video", f"/api/videos/{nth('v', 11)}", {}),
    "how far it is": ("video_status", f"/api/videos/{nth('v', 11)}/status", {}),
    "its segments": ("list_segments", f"/api/videos/{nth('v', 11)}/segments", {}),
    "those of a rendition": ("list_segments", f"/api/videos/{nth('v', 11)}/segments", {"rendition": "360p"}),
    "what was said": ("list_messages", f"/api/videos/{nth('v', 11)}/messages", {}),
    "what was said before": ("list_messages", f"/api/videos/{nth('v', 11)}/messages", {"before": nth("m", 50_000)}),
    "what was said since": ("list_messages", f"/api/videos/{nth('v', 11)}/messages", {"after": nth("m", 50_000)}),
    "search": ("search", "/api/search", {"q": "word71"}),
    "search, two words": ("search", "/api/search", {"q": "film word71"}),
    "search, messages": ("search", "/api/search", {"q": "word78", "kind": "message"}),
    "who am I": ("me", "/api/auth/me", {}),
    "its manifest": ("manifest", f"/api/videos/{nth('v', 11)}/manifest/360p.m3u8", {}),
}


@pytest.mark.parametrize("what", READS)
def test_reads(what: str, plans: Plans) -> None:
    capability, path, query = READS[what]
    plans.take()
    answer = person().get(capability, path, **query)
    assert answer.status_code == 200, answer.text
    assert plans.faults() == []


def test_a_segment(plans: Plans) -> None:
    plans.take()
    answer = person().get("get_segment", f"/api/segments/{nth('g', 20)}")
    assert answer.status_code == 503, "the rows are there, the bytes are not"
    assert plans.faults() == []


def test_an_account_from_its_first_to_its_last_request(plans: Plans, database: Database) -> None:
    plans.take()
    someone, email, password = Person(), "new@example.org", "correct horse battery staple"
    made = someone.post("register", "/api/auth/register", {"email": email, "password": password})
    assert made.status_code == 201, made.text
    tokens = someone.post("login", "/api/auth/login", {"email": email, "password": password})
    assert tokens.status_code == 200, tokens.text
    assert tokens.json is not None
    again = someone.post("refresh", "/api/auth/refresh", {"refresh_token": tokens.json["refresh_token"]})
    assert again.status_code == 200, again.text
    assert again.json is not None
    gone = someone.post("logout", "/api/auth/logout", {"refresh_token": again.json["refresh_token"]})
    assert gone.status_code == 204, gone.text
    assert plans.faults() == []


def test_writes(plans: Plans) -> None:
    plans.take()
    owner = person()
    upload = owner.post("init_upload", "/api/uploads", {"name": "film.mp4", "size": 1000})
    assert upload.status_code == 201, upload.text
    assert upload.json is not None
    assert owner.get("get_upload", f"/api/uploads/{upload.json['id']}").status_code == 200
    assert owner.delete("abort_upload", f"/api/uploads/{upload.json['id']}").status_code == 204
    said = owner.post("send_message", f"/api/videos/{nth('v', 11)}/messages", {"body": "Hello"})
    assert said.status_code == 201, said.text
    assert plans.faults() == []


def test_events(plans: Plans, database: Database) -> None:
    plans.take()
    film = nth("v", OWN)
    segment = SegmentEncoded(film, nth("g", 2 * OWN), "360p", 0, f"videos/{film}/x", f"videos/{film}/y")
    assert deliver("index_video", VideoReady(film)).status_code == 204
    assert deliver("index_message", MessageSent(film, nth("m", 77))).status_code == 204
    assert deliver("publish_video", segment).status_code in (204, 503)
    assert plans.faults() == []


def test_what_is_looked_for_each_minute(plans: Plans) -> None:
    plans.take()
    assert ping("reap_stalled").status_code == 204
    assert ping("expire_uploads").status_code == 204
    assert plans.faults() == []

"""Who may call what: every route with every caller, for real, against the table of docs/access.md.

`ok` is whatever comes after the door: 200, and also a 404 or a 400.
"""

from functools import cache
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared.identity import Role, issue_access_token
from shared.ids import new_id
from shared.runtime.serve import create_app
from shared.storage.io.urls import granted_folder
from tests.collecting import collected
from tests.conftest import Database, Wadi
from tests.films.rows import make_video
from tests.films.stored import make_segments
from tests.functions.people import Person, account
from tests.routes import ROUTES, body, path, query
from tools.generate.access import CALLERS, expected, expected_of_others

EXPECTED = collected(expected)
OF_OTHERS = collected(expected_of_others)
REFUSALS = {"/problems/not-authenticated": "401", "/problems/forbidden": "403"}


@pytest.fixture(scope="module")
def things(database: Database, wadi: Wadi) -> dict[str, str]:
    """What the templates' fields stand for: things that are there and that everybody may see."""
    video = make_video(database, "an owner")
    (segment,) = make_segments(database, video, ["360p"], 1)
    database.all("update video set state = 'ready', ready_at = now(), indexed_at = now() where id = %s", (video,))
    return {
        "videos": video,
        "segments": segment.id,
        "manifest": "master.m3u8",
        "uploads": new_id(),
        "nodes": "node-0",
        "media": granted_folder(video),
        "files": "360p.0.m4s",
    }


@pytest.fixture(scope="module")
def tokens(database: Database, wadi: Wadi) -> dict[str, str | None]:
    good = {role.value: account(database, "Somebody", role).token for role in Role}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JWT_SECRET", "a secret of somebody else, just as long as ours is")
        forged = issue_access_token(new_id(), Role.ADMIN)[0]
    return {**good, "none": None, "forged": forged}


@cache
def _app(name: str) -> Any:
    return create_app(name)


def call(
    route: str, things: dict[str, str], token: str | None, more: dict[str, str] | None = None, **options: Any
) -> TestResponse:
    capability = ROUTES[route]
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer: TestResponse = (
        _app(capability.name)
        .test_client()
        .open(
            path(route, things),
            method=capability.route.method,
            headers=headers,
            query_string=query(route) | (more or {}),
            **options,
        )
    )
    return answer


def outcome(answer: TestResponse) -> str:
    assert answer.status_code < 500, answer.text
    problem = answer.json if answer.content_type == "application/problem+json" else None
    refusal = REFUSALS.get(problem["type"]) if problem else None
    assert refusal is None or answer.status_code == int(refusal)
    return refusal or "ok"


def test_the_table_has_every_route_and_caller() -> None:
    assert EXPECTED.keys() == {(route, caller) for route in ROUTES for caller in CALLERS}
    assert set(CALLERS) == {*Role, "none", "forged"}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("route", ROUTES)
def test_who_may_call_what(route: str, caller: str, things: dict[str, str], tokens: dict[str, str | None]) -> None:
    assert outcome(call(route, things, tokens[caller])) == EXPECTED[route, caller]


@pytest.mark.parametrize("route", [route for route, each in ROUTES.items() if each.access.role])
def test_a_token_in_the_address_opens_nothing_that_changes_something(
    route: str, things: dict[str, str], tokens: dict[str, str | None]
) -> None:
    """Addresses end up in logs and histories, and a link that somebody else made can be followed by mistake."""
    token = tokens["ADMIN"]
    assert token
    assert not ROUTES[route].query_token
    assert outcome(call(route, things, None, {"token": token})) == "401"


# --- of things that have an owner


@pytest.fixture(scope="module")
def owner(database: Database, wadi: Wadi) -> Person:
    return account(database, "Owner")


def owned(database: Database, owner: Person, visibility: str) -> dict[str, str]:
    """Things of the owner, of this test only: a request may remove them."""
    video = make_video(database, owner.user_id, visibility=visibility)
    (segment,) = make_segments(database, video, ["360p"], 1)
    upload = owner.post("init_upload", "/api/uploads", {"name": "film.mp4", "size": 1000, "visibility": visibility})
    assert upload.status_code == 201, upload.text
    assert upload.json is not None
    return {"videos": video, "segments": segment.id, "manifest": "master.m3u8", "uploads": upload.json["id"]}


@pytest.mark.parametrize(("route", "visibility"), OF_OTHERS)
def test_what_becomes_of_a_request_for_what_is_anothers(
    route: str, visibility: str, database: Database, owner: Person, tokens: dict[str, str | None]
) -> None:
    wanted_of = {tokens["CREATOR"]: OF_OTHERS[route, visibility], tokens["ADMIN"]: "ok", owner.token: "ok"}
    if ROUTES[route].access.role is None:
        wanted_of[None] = OF_OTHERS[route, visibility]
    for token, wanted in wanted_of.items():
        answer = call(route, owned(database, owner, visibility), token, json=body(route) or None)
        found = "404" if answer.status_code == 404 else outcome(answer)
        assert found == wanted, answer.text

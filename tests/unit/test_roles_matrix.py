"""Who may call what: every route with every role, for real, against one table. A route without a row fails.

`ok` is whatever comes after the door: 200, and also a 404 or a 400. Whose things are whose each function's tests tell.
"""

from functools import cache
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared.identity import Role, issue_access_token
from shared.ids import new_id
from shared.runtime.access import Access
from shared.runtime.serve import create_app
from tests.conftest import Database, Wadi
from tests.films.rows import make_video
from tests.films.stored import make_segments
from tests.functions.people import account
from tools.generate.capabilities import http_capabilities

# `forged`: a token that claims ADMIN and is signed by somebody else. Where no token is looked at it does no harm.
TABLE = """
route                                    none  USER  CREATOR  ENTERPRISE  ADMIN  forged

GET    /.well-known/jwks.json            ok    ok    ok       ok          ok     ok
POST   /api/auth/register                ok    ok    ok       ok          ok     ok
POST   /api/auth/login                   ok    ok    ok       ok          ok     ok
POST   /api/auth/refresh                 ok    ok    ok       ok          ok     ok
POST   /api/auth/logout                  ok    ok    ok       ok          ok     ok
GET    /api/auth/me                      401   ok    ok       ok          ok     401

POST   /api/uploads                      401   403   ok       ok          ok     401
GET    /api/uploads/{id}                 401   403   ok       ok          ok     401
POST   /api/uploads/{id}/parts           401   403   ok       ok          ok     401
POST   /api/uploads/{id}/complete        401   403   ok       ok          ok     401
DELETE /api/uploads/{id}                 401   403   ok       ok          ok     401
POST   /api/videos/upload                401   403   ok       ok          ok     401

GET    /api/videos                       ok    ok    ok       ok          ok     401
GET    /api/videos/{id}                  ok    ok    ok       ok          ok     401
GET    /api/videos/{id}/status           ok    ok    ok       ok          ok     401
GET    /api/videos/{id}/status/stream    ok    ok    ok       ok          ok     401
GET    /api/videos/{id}/manifest/{name}  ok    ok    ok       ok          ok     401
GET    /api/videos/{id}/segments         ok    ok    ok       ok          ok     401
GET    /api/segments/{id}                ok    ok    ok       ok          ok     401
GET    /api/objects                      ok    ok    ok       ok          ok     ok
POST   /api/videos/{id}/retry            401   403   ok       ok          ok     401
PATCH  /api/videos/{id}                  401   403   ok       ok          ok     401
DELETE /api/videos/{id}                  401   403   ok       ok          ok     401
POST   /api/videos/purge                 401   403   403      403         ok     401

GET    /api/storage/report               401   403   403      403         ok     401
POST   /api/nodes                        401   403   403      403         ok     401
GET    /api/nodes                        401   403   403      403         ok     401
PATCH  /api/nodes/{id}                   401   403   403      403         ok     401
DELETE /api/nodes/{id}                   401   403   403      403         ok     401

POST   /api/segments                     401   403   403      403         ok     401
GET    /api/storage/scrub                401   403   403      403         ok     401
POST   /api/storage/scrub                401   403   403      403         ok     401
GET    /api/storage/garbage              401   403   403      403         ok     401

GET    /api/search                       ok    ok    ok       ok          ok     401
GET    /api/videos/{id}/messages         ok    ok    ok       ok          ok     401
POST   /api/videos/{id}/messages         401   ok    ok       ok          ok     401
"""

HEAD, *ROWS = [line.split() for line in TABLE.splitlines() if line]
CALLERS = HEAD[1:]
EXPECTED = {
    (f"{method} {template}", caller): outcome
    for method, template, *outcomes in ROWS
    for caller, outcome in zip(CALLERS, outcomes, strict=True)
}
QUERIES = {"GET /api/search": {"q": "rain"}}  # what a route does not get to the end without
REFUSALS = {"/problems/not-authenticated": "401", "/problems/forbidden": "403"}
ROUTES = {f"{each.route.method} {each.route.template}": each for each in http_capabilities()}


@pytest.fixture(scope="module")
def things(database: Database, wadi: Wadi) -> dict[str, str]:
    """What the templates' fields stand for: things that are there and that everybody may see."""
    video = make_video(database, "an owner")
    (segment,) = make_segments(database, video, ["360p"], 1)
    database.all("update video set state = 'ready', ready_at = now(), indexed_at = now() where id = %s", (video,))
    unknown = {"/api/uploads/{id}": new_id(), "/api/nodes/{id}": "node-0"}
    return {"/api/videos/{id}": video, "/api/segments/{id}": segment.id, **unknown}


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


def call(route: str, things: dict[str, str], token: str | None, query: dict[str, str] | None = None) -> TestResponse:
    capability = ROUTES[route]
    path = capability.route.template.replace("{name}", "master.m3u8")
    for template, thing in things.items():
        if path.startswith(template):
            path = path.replace("{id}", thing)
    assert "{" not in path, f"what is {path} of?"
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer: TestResponse = (
        _app(capability.name)
        .test_client()
        .open(
            path, method=capability.route.method, headers=headers, query_string=QUERIES.get(route, {}) | (query or {})
        )
    )
    return answer


def outcome(answer: TestResponse) -> str:
    assert answer.status_code < 500, answer.text
    problem = answer.json if answer.content_type == "application/problem+json" else None
    refusal = REFUSALS.get(problem["type"]) if problem else None
    assert refusal is None or answer.status_code == int(refusal)
    return refusal or "ok"


def test_the_table_has_every_route_and_no_other() -> None:
    assert {route for route, _ in EXPECTED} == ROUTES.keys()
    assert len(ROWS) == len(ROUTES)
    assert set(CALLERS) == {*Role, "none", "forged"}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("route", ROUTES)
def test_who_may_call_what(route: str, caller: str, things: dict[str, str], tokens: dict[str, str | None]) -> None:
    assert outcome(call(route, things, tokens[caller])) == EXPECTED[route, caller]


@pytest.mark.parametrize("route", [route for route, each in ROUTES.items() if each.access is not Access.PUBLIC])
def test_a_token_in_the_address_opens_nothing_that_changes_something(
    route: str, things: dict[str, str], tokens: dict[str, str | None]
) -> None:
    """Addresses end up in logs and histories, and a link that somebody else made can be followed by mistake."""
    token = tokens["ADMIN"]
    assert token
    assert not ROUTES[route].query_token
    assert outcome(call(route, things, None, {"token": token})) == "401"

"""HTTP functions: requests into Structs, results into answers, and every error as RFC 9457 problem+json."""

import hashlib
import io
import json
import tracemalloc
from typing import Any

import pytest

from shared.identity import Role, issue_access_token
from tests.runtime.conftest import Notes
from tests.runtime.served import assert_problem, client


def bearer(role: Role = Role.CREATOR) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_access_token('somebody', role)[0]}"}


def read(path: str, **options: Any) -> Any:
    return client("read_thing").get(path, **options)


def make(body: Any, thing: str = "t", headers: dict[str, str] | None = None) -> Any:
    return client("make_thing").post(f"/things/{thing}", json=body, headers=bearer() if headers is None else headers)


# --- answers


def test_a_struct_is_200_json(notes: Notes) -> None:
    answer = read("/things.v1/a")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.json["id"] == "a"


def test_created_is_201_accepted_202_none_204(notes: Notes) -> None:
    made = make({"title": "A"})
    assert (made.status_code, made.content_type) == (201, "application/json")
    assert made.json == {"id": "t", "title": "A", "corners": 0}
    begun = client("begin_thing").post("/things/t/begin")
    assert (begun.status_code, begun.json) == (202, {"id": "t"})
    removed = client("remove_thing").delete("/things/t", headers=bearer(Role.ADMIN))
    assert (removed.status_code, removed.data) == (204, b"")


def test_a_response_has_its_own_status_headers_and_pieces(notes: Notes) -> None:
    body = b"0123456789" * 100_000
    answer = client("swallow_thing").put("/things/t/bytes", data=body, headers={"X-Kind": "round"})
    assert answer.status_code == 200
    assert answer.content_type == "text/x-digest"
    assert answer.headers["X-Kind"] == "round"
    assert answer.text == f"1000000 {hashlib.sha256(body).hexdigest()}"


def test_head_is_answered_like_get_without_the_body(notes: Notes) -> None:
    answer = client("read_thing").head("/things.v1/a")
    whole = read("/things.v1/a")
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(whole.data))


def test_what_is_published_is_sent(notes: Notes) -> None:
    make({"title": "A"}, "published")
    assert notes.sent("published") == ["wadi.video.playable"]


# --- requests


def test_path_and_query_are_converted(notes: Notes) -> None:
    answer = read("/things.v1/a%20b?count=7&exact=true&share=0.25&kind=round&names=x&names=y&unknown=1")
    assert (
        answer.json.items()
        >= {
            "id": "a b",
            "count": 7,
            "exact": True,
            "share": 0.25,
            "kind": "round",
            "names": ["x", "y"],
        }.items()
    )


def test_a_query_gives_defaults_for_what_is_left_out(notes: Notes) -> None:
    assert read("/things.v1/a").json.items() >= {"count": 20, "exact": False, "kind": None, "names": []}.items()


def test_the_path_wins_over_query_and_body(notes: Notes) -> None:
    assert read("/things.v1/a?id=b").json["id"] == "a"
    assert make({"title": "A", "id": "b"}, "a").json["id"] == "a"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("count=0", "count"),
        ("count=101", "count"),
        ("count=many", "count"),
        ("count=1.5", "count"),
        ("count=", "count"),
        ("exact=perhaps", "exact"),
        ("share=half", "share"),
        ("kind=oval", "kind"),
        ("names=a%00b", "names"),
    ],
)
def test_a_query_that_is_not_valid_names_the_field(notes: Notes, query: str, field: str) -> None:
    problem = assert_problem(read(f"/things.v1/a?{query}"), 400, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert problem["errors"][0]["message"]
    assert field in problem["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "longer than ten"}, "title"),
        ({"title": 7}, "title"),
        ({"title": None}, "title"),
        ({"title": "nul\0"}, "title"),
        ({"title": "A", "corners": 7}, "corners"),
        ({"title": "A", "corners": [{"x": 1, "y": 2}, {"x": 1}]}, "corners[1].y"),
        ({"title": "A", "corners": [{"x": "1", "y": 2}]}, "corners[0].x"),
        ({"title": "A", "corners": [{"x": 1, "y": 2, "z": 3}]}, "corners[0]"),
        ({"title": "A", "corners": [{"x": 1, "y": 2, "z\0": 3}]}, "corners"),
    ],
)
def test_a_body_that_is_not_valid_names_the_field(notes: Notes, body: dict[str, Any], field: str) -> None:
    problem = assert_problem(make(body), 400, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert problem["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"7", b"null", b'"text"', b"\xff", b'{"title": "\\ud800"}', b"[" * 200_000, b'{"a":' * 200_000],
)
def test_a_body_that_is_no_json_object(notes: Notes, body: bytes) -> None:
    assert_problem(client("make_thing").post("/things/t", data=body, headers=bearer()), 400, "invalid-request")


def test_no_body_is_an_empty_object(notes: Notes) -> None:
    problem = assert_problem(client("make_thing").post("/things/t", headers=bearer()), 400, "invalid-request")
    assert problem["errors"] == [{"field": "title", "message": "This field is required."}]


def test_a_nul_in_the_path(notes: Notes) -> None:
    assert_problem(read("/things.v1/a%00b"), 400, "invalid-request")


def test_a_body_over_the_limit_is_413(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"title": "A", "padding": "x" * 1000}).encode()
    monkeypatch.setenv("MAX_BODY_BYTES", str(len(body)))
    assert client("make_thing").post("/things/t", data=body, headers=bearer()).status_code == 201
    monkeypatch.setenv("MAX_BODY_BYTES", str(len(body) - 1))
    problem = assert_problem(client("make_thing").post("/things/t", data=body, headers=bearer()), 413, "too-large")
    assert str(len(body) - 1) in problem["detail"]


def test_a_body_over_the_limit_without_a_length_is_413(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_BODY_BYTES", "100")
    pieces = io.BytesIO(b'{"title": "' + b"x" * 1000)
    answer = client("make_thing").post(
        "/things/t",
        input_stream=pieces,
        headers=bearer() | {"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert_problem(answer, 413, "too-large")


def test_what_is_left_of_a_body_is_taken_and_not_kept(notes: Notes) -> None:
    """A client that is still sending does not read the answer; and a long body must not end up in memory."""
    body = Zeros(12 << 20)
    tracemalloc.start()
    try:
        answer = client("swallow_thing").put(
            "/things/t/bytes?at_most=1000", input_stream=body, headers={"Content-Length": str(body.size)}
        )
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert assert_problem(answer, 413, "too-large")["most"] == 1000
    assert body.tell() == body.size
    assert most < 4 << 20


def test_not_gigabytes_of_a_refused_body_are_taken(notes: Notes) -> None:
    body = Zeros(1 << 30)
    answer = client("swallow_thing").put(
        "/things/t/bytes?at_most=1000", input_stream=body, headers={"Content-Length": str(body.size)}
    )
    assert_problem(answer, 413, "too-large")
    assert answer.headers["Connection"] == "close"
    assert body.tell() < 32 << 20


class Zeros(io.RawIOBase):
    """A body that is nowhere in memory."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self.size - self._at)
        buffer[:count] = bytes(count)
        self._at += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset if whence == io.SEEK_SET else self.size  # which is all that the client asks for
        return self._at

    def tell(self) -> int:
        return self._at


# --- errors


@pytest.mark.parametrize(
    "path", ["/", "/things.v1", "/things.v1/", "/things.v1/a/b", "/thingsXv1/a", "/things.v1/a%2Fb", "/favicon.ico"]
)
def test_another_path_is_404(notes: Notes, path: str) -> None:
    assert_problem(read(path), 404, "not-found")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_405_and_says_which(notes: Notes, method: str) -> None:
    answer = client("read_thing").open("/things.v1/a", method=method)
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET"


def test_head_of_a_post_is_405(notes: Notes) -> None:
    answer = client("begin_thing").head("/things/t/begin")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic dTpw", "Bearer a.b.c", "Bearer nonsense", "nonsense"]
)
def test_without_a_good_token_is_401(notes: Notes, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = make({"title": "A"}, headers=headers)
    assert_problem(answer, 401, "not-authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_in_the_query_is_no_token_where_the_route_does_not_say_so(notes: Notes) -> None:
    token = bearer()["Authorization"].removeprefix("Bearer ")
    assert_problem(client("make_thing").post(f"/things/t?token={token}", json={"title": "A"}), 401, "not-authenticated")


def test_a_bad_token_where_none_is_needed_is_401_once_it_is_looked_at(notes: Notes) -> None:
    assert read("/things.v1/a").json["caller"] is None
    assert read("/things.v1/a", headers=bearer()).json["caller"] == "somebody"
    assert_problem(read("/things.v1/a", headers={"Authorization": "Bearer a.b.c"}), 401, "not-authenticated")


def test_too_small_a_role_is_403(notes: Notes) -> None:
    problem = assert_problem(make({"title": "A"}, headers=bearer(Role.USER)), 403, "forbidden")
    assert "CREATOR" in problem["detail"]
    assert "USER" in problem["detail"]


def test_access_is_checked_before_the_body_is_read(notes: Notes) -> None:
    assert_problem(client("make_thing").post("/things/t", data=b"{", headers={}), 401, "not-authenticated")


def test_a_client_over_its_limit_gets_429_and_others_do_not(notes: Notes) -> None:
    def call(address: str) -> Any:
        return client("limited_thing").post("/limited", headers={"X-Forwarded-For": address})

    assert [call("10.9.0.1").status_code for _ in range(3)] == [204, 204, 204]
    refused = call("10.9.0.1")
    problem = assert_problem(refused, 429, "too-many-requests")
    assert int(refused.headers["Retry-After"]) == problem["retry_after_s"] > 0
    assert call("10.9.0.2").status_code == 204
    notes.database.all("update rate_limit set window_start = window_start - interval '40 years'")
    assert call("10.9.0.1").status_code == 204


def test_a_client_cannot_choose_its_address(notes: Notes) -> None:
    """The gateway appends the address that it saw; what stands before it was sent by the client."""
    sent = {"X-Forwarded-For": "1.2.3.4, 10.0.0.7", "X-Envoy-External-Address": "1.2.3.4", "X-Wadi-Client": "1.2.3.4"}
    assert read("/things.v1/a", headers=sent).json["client"] == "10.0.0.7"


def test_where_other_proxies_follow_the_gateway_it_tells_the_address(
    notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_ADDRESS_HEADER", "X-Wadi-Client")
    hops = {"X-Forwarded-For": "1.2.3.4, 203.0.113.9, 10.0.0.7"}  # the client's claim, the client, the gateway
    assert read("/things.v1/a", headers={**hops, "X-Wadi-Client": "203.0.113.9"}).json["client"] == "203.0.113.9"
    assert read("/things.v1/a", headers=hops).json["client"] == "10.0.0.7"


def test_a_problem_of_the_function_rolls_back_and_keeps_its_members(notes: Notes) -> None:
    answer = client("break_thing").get("/broken/problem")
    problem = assert_problem(answer, 409, "wrong-state")
    assert (problem["detail"], problem["state"], answer.headers["Retry-After"]) == ("It is round.", "round", "7")
    assert (notes.about("broken"), notes.sent("broken"), notes.in_outbox()) == ([], [], 0)


def test_a_bug_is_500_rolls_back_and_tells_nothing_of_itself(notes: Notes) -> None:
    answer = client("break_thing").get("/broken/bug")
    assert_problem(answer, 500, "internal-error")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert (notes.about("broken"), notes.sent("broken"), notes.in_outbox()) == ([], [], 0)


def test_without_a_secret_is_503(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = bearer()
    monkeypatch.delenv("JWT_SECRET")
    answer = client("make_thing").post("/things/t", json={"title": "A"}, headers=headers)
    assert_problem(answer, 503, "unavailable")
    assert "JWT_SECRET" not in answer.text

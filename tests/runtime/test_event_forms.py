"""What counts as a CloudEvent of the right kind, in both HTTP modes; everything else is 400, never retried."""

import json
from typing import Any

import pytest

from events import VideoFailed, VideoReady
from shared.ids import new_id
from tests.runtime.conftest import Notes
from tests.runtime.served import assert_problem, binary, client, structured

FUNCTIONS = ["note_at_once", "note_under_lease"]


def event() -> VideoFailed:
    return VideoFailed(new_id(), "")


def post(function: str, **options: Any) -> Any:
    return client(function).post("/", **options)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("mode", [binary, structured])
def test_a_good_event_is_handled_in_both_modes(notes: Notes, function: str, mode: Any) -> None:
    good = event()
    assert post(function, **mode(good)).status_code == 204
    assert notes.about(good.video_id)[-1] == "done"


def test_both_modes_are_one_event(notes: Notes) -> None:
    good, event_id = event(), new_id()
    post("note_at_once", **binary(good, event_id))
    assert post("note_at_once", **structured(good, event_id)).status_code == 204
    assert notes.about(good.video_id) == ["done"]


def test_data_in_base64_is_the_same_data(notes: Notes) -> None:
    from base64 import b64encode

    good = event()
    data = b64encode(json.dumps({"video_id": good.video_id, "reason": ""}).encode()).decode()
    assert post("note_at_once", **structured(good, data=None, data_base64=data)).status_code == 204
    assert notes.about(good.video_id) == ["done"]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("attribute", ["id", "source", "type", "specversion"])
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_without_a_required_attribute(
    notes: Notes, function: str, attribute: str, value: str | None, mode: str
) -> None:
    bad = event()
    if mode == "binary":
        request = binary(bad)
        del request["headers"][f"ce-{attribute}"]
        if value is not None:
            request["headers"][f"ce-{attribute}"] = value
    else:
        request = structured(bad, **{attribute: value})
    assert_problem(post(function, **request), 400, "invalid-request")
    assert notes.about(bad.video_id) == []


def test_of_a_version_that_does_not_exist(notes: Notes) -> None:
    assert_problem(post("note_at_once", **structured(event(), specversion="7.0")), 400, "invalid-request")


def test_of_another_type(notes: Notes) -> None:
    for mode in (binary, structured):
        problem = assert_problem(post("note_at_once", **mode(VideoReady(new_id()))), 400, "invalid-request")
        assert "wadi.video.failed" in problem["detail"]
        assert "wadi.video.ready" in problem["detail"]


@pytest.mark.parametrize("data", [None, {}, {"video_id": "a"}, {"video_id": 1, "reason": ""}, [], "text", 7])
def test_with_other_data(notes: Notes, data: Any) -> None:
    request = binary(event())
    del request["json"]
    headers = request["headers"] | {"Content-Type": "application/json"}
    problem = assert_problem(post("note_at_once", headers=headers, data=json.dumps(data)), 400, "invalid-request")
    assert "wadi.video.failed" in problem["detail"]
    assert_problem(post("note_at_once", **structured(event(), data=data)), 400, "invalid-request")


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"\xff\xfe", b'{"video_id": "\\ud800", "reason": ""}', b"[" * 200_000],
    ids=lambda body: body[:9],
)
def test_with_data_that_is_no_json(notes: Notes, body: bytes) -> None:
    headers = binary(event())["headers"] | {"Content-Type": "application/json"}
    assert_problem(post("note_at_once", headers=headers, data=body), 400, "invalid-request")
    headers = {"Content-Type": "application/cloudevents+json"}
    assert_problem(post("note_at_once", headers=headers, data=body), 400, "invalid-request")


@pytest.mark.parametrize("body", [b"[]", b"7", b'"text"', b"null", b"{}"])
def test_structured_mode_without_an_event_in_it(notes: Notes, body: bytes) -> None:
    headers = {"Content-Type": "application/cloudevents+json"}
    assert_problem(post("note_at_once", headers=headers, data=body), 400, "invalid-request")


def test_a_batch_is_not_for_us(notes: Notes) -> None:
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    assert_problem(post("note_at_once", headers=headers, data=b"[]"), 400, "invalid-request")


def test_no_event_at_all(notes: Notes) -> None:
    assert_problem(post("note_at_once"), 400, "invalid-request")
    assert_problem(client("note_at_once").get("/"), 400, "invalid-request")
    assert_problem(post("note_at_once", json={"video_id": "a", "reason": ""}), 400, "invalid-request")


@pytest.mark.parametrize("mode", [binary, structured])
def test_over_the_limit(notes: Notes, monkeypatch: pytest.MonkeyPatch, mode: Any) -> None:
    long = VideoFailed(new_id(), "x" * 5000)
    monkeypatch.setenv("MAX_BODY_BYTES", "5000")
    problem = assert_problem(post("note_at_once", **mode(long)), 400, "invalid-request")
    assert "5000" in problem["detail"]
    monkeypatch.setenv("MAX_BODY_BYTES", "6000")
    assert post("note_at_once", **mode(long)).status_code == 204


def test_a_setting_that_makes_no_sense_is_trouble_of_ours(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_BODY_BYTES", "many")
    answer = post("note_at_once", **binary(event()))
    assert_problem(answer, 500, "internal-error")
    assert "MAX_BODY_BYTES" not in answer.text


def test_a_function_of_any_type_sees_the_attributes(notes: Notes) -> None:
    event_id = new_id()
    request = binary(VideoReady("v"), event_id)
    request["headers"] |= {"ce-subject": "v", "ce-knativeerrorcode": "503"}
    assert post("note_any", **request).status_code == 204
    (text,) = notes.about(event_id)
    assert (
        json.loads(text).items()
        >= {
            "id": event_id,
            "source": "/tests",
            "type": "wadi.video.ready",
            "subject": "v",
            "knativeerrorcode": "503",
        }.items()
    )


def test_a_function_of_any_type_still_wants_an_event(notes: Notes) -> None:
    assert_problem(post("note_any", json={}), 400, "invalid-request")

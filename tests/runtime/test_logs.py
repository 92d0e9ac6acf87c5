"""What stands in a line of the log."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.ids import new_id
from shared.telemetry.logs import JsonFormatter
from tests.runtime.conftest import Notes
from tests.runtime.served import client, deliver


@contextmanager
def logged() -> Iterator[list[dict[str, Any]]]:
    """The lines that are written until the block ends; they are there after it."""
    stream, lines = io.StringIO(), list[dict[str, Any]]()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("wadi")
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
    lines += [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_about_an_event_names_its_video(notes: Notes) -> None:
    thing = new_id()
    with logged() as lines:
        assert deliver("note_at_once", "explode", thing).status_code == 503
    assert {(line["level"], line["video"]) for line in lines} == {("ERROR", thing)}
    assert all(len(line["trace"]) == 32 and "error" in line for line in lines)


def test_a_line_about_a_request_does_not_name_the_video_of_the_event_before_it(notes: Notes) -> None:
    deliver("note_at_once", "explode", new_id())
    with logged() as lines:
        assert client("break_thing").get("/broken/other").status_code == 500
    assert lines
    assert all("video" not in line for line in lines)

"""Following a video until it is ready and searchable, or has failed.

The platform tells of changes over Server-Sent Events. When that stream cannot be had (a proxy in between that does
not let it through) we ask again and again instead, and try the stream anew each time.
"""

import contextlib
import math
import time
from collections.abc import Iterator

import msgspec

from cli.api import Api, bearer, problem_of, reaching
from cli.errors import ServerProblem, Unreachable
from cli.model import Status
from cli.retrying import GIVE_UP_SECONDS, Retrying

# Between two questions while there is no stream.
POLL_SECONDS = 1.0
# A stream on which nothing was heard for so long is taken for dead; the server sends comments in between.
SILENCE_SECONDS = 60
# A ready video plays. Whether the search knows it is waited for, but not for ever.
INDEX_SECONDS = 60


def watch(api: Api, video_id: str, *, timeout: float | None) -> Iterator[Status]:
    """Every state of the video that we hear of, at least one. The last is its final state, unless the time is over."""
    deadline = _Deadline(timeout)
    for status in _states(api, video_id, deadline, Retrying(GIVE_UP_SECONDS)):
        yield status
        if status.state == "failed" or (status.state == "ready" and status.indexed):
            return
        if status.state == "ready":
            deadline.shorten(INDEX_SECONDS)
        if deadline.is_over():
            return


class _Deadline:
    def __init__(self, seconds: float | None) -> None:
        self._end = math.inf if seconds is None else time.monotonic() + seconds
        self._is_shortened = False

    def shorten(self, seconds: float) -> None:
        if not self._is_shortened:
            self._end = min(self._end, time.monotonic() + seconds)
            self._is_shortened = True

    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    def left(self) -> float:
        return max(0.1, self._end - time.monotonic())


def _states(api: Api, video_id: str, deadline: _Deadline, patience: Retrying) -> Iterator[Status]:
    while True:
        # Whatever is wrong with the stream, the question below finds out whether it is only the stream.
        with contextlib.suppress(Unreachable, ServerProblem):
            yield from _stream(api, video_id, deadline)
        yield patience.run(lambda: api.get(f"/api/videos/{video_id}/status", Status))
        time.sleep(min(POLL_SECONDS, deadline.left()))


def _stream(api: Api, video_id: str, deadline: _Deadline) -> Iterator[Status]:
    import httpx

    silence = min(SILENCE_SECONDS, deadline.left())
    headers = {"accept": "text/event-stream", **bearer(api.token())}
    url = api.url(f"/api/videos/{video_id}/status/stream")
    timeout = httpx.Timeout(10, read=silence)
    with reaching(api.server), api.http.stream("GET", url, headers=headers, timeout=timeout) as response:
        if response.is_error:
            raise problem_of(response)
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            return
        for name, data in server_sent_events(response.iter_lines()):
            if name == "status":
                yield msgspec.json.decode(data, type=Status)
            elif deadline.left() < silence:
                return  # to listen no longer than until the end


def server_sent_events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """The (name, data) pairs of a text/event-stream (WHATWG HTML 9.2.6). An event without its blank line is dropped.

    A comment, by which a server keeps a silent stream alive, is given as ("", "").
    """
    name, data = "", list[str]()
    for line in lines:
        if line.startswith(":"):
            yield "", ""
        if not line:
            if data:
                yield name or "message", "\n".join(data)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)

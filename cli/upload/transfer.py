"""One file's way to the platform: begin or take up, send the parts that are missing, complete.

Four threads send parts straight to the object store; memory holds one block for each. The main thread waits, so
that Ctrl-C reaches it at once.
"""

import base64
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from cli.api import Api, problem_of, reaching
from cli.errors import CliError, ServerProblem
from cli.model import Part, SignedParts, Upload, Video
from cli.retrying import Retrying, Stopped
from cli.upload.saved import Note, SavedUpload, SavedUploads, Words
from cli.upload.source import SourceChanged, SourceFile

T = TypeVar("T")
PARALLEL = 4
# Parts of which the server says that their bytes are wrong are sent again so often; then something is broken for good.
CHECKSUM_TRIES = 3
# What the server answers when an upload or a video is not there any more, or not ours.
GONE = (403, 404, 409, 410)
# After the last part the server may still miss some: it lost them, or the disk did. We ask so many times.
ROUNDS = 3


class Transfer:
    """The upload of one file. `sent` and `resumed_at` may be read at any time from another thread."""

    def __init__(self, api: Api, saved: SavedUploads, source: SourceFile, *, patience: float) -> None:
        self._api = api
        self._saved = saved
        self._source = source
        self._stop = threading.Event()
        self._retrying = Retrying(patience, self._stop)
        self._lock = threading.Lock()
        self._arrived = 0  # bytes of whole parts
        self._moving: dict[int, int] = {}  # part -> bytes that are on their way
        self._upload: Upload | None = None
        self._doubted: set[int] = set()  # parts that were sent before the file was last touched
        self._note: Note
        self._noted = SavedUpload("", "", source.changed_ns)
        self.resumed_at = 0
        self.last_error = ""

    @property
    def sent(self) -> int:
        with self._lock:
            return self._arrived + sum(self._moving.values())

    def run(self, details: dict[str, Any], on_tick: Callable[[], None]) -> Video:
        """Uploads the file and returns its video. `on_tick` is called about ten times a second meanwhile."""
        with self._saved.hold(self._api.server, self._api.account(), self._source) as self._note:
            if already := self._begin(details):
                self._note.clear()
                return already
            try:
                return self._finish(on_tick)
            except SourceChanged:
                self._abandon()
                raise
            finally:
                self._stop.set()

    # Begin, or take up

    def _begin(self, details: dict[str, Any]) -> Video | None:
        """Sets the upload. Returns the video when an earlier client had sent all of it."""
        words = Words(details.get("title", ""), details.get("visibility", "public"))
        previous = self._note.read()
        if previous and self._goes_on(previous):
            video = self._told(previous, words)
            if video:
                self.resumed_at = self._arrived
                return None if self._upload else video
        self._noted = SavedUpload("", "", self._source.changed_ns, words)
        self._doubted.clear()
        self._take(self._ask(lambda: self._api.post("/api/uploads", Upload, details)))
        return None

    def _goes_on(self, previous: SavedUpload) -> bool:
        """Whether there is an upload to take up, which is then set, or one that is complete."""
        unchanged = previous.changed_ns == self._source.changed_ns
        upload = self._unless_gone(lambda: self._api.get(f"/api/uploads/{previous.upload_id}", Upload))
        if upload is None or upload.state == "completed":
            # Of all that was sent there is nothing left to compare with.
            return unchanged and self._uploaded_before(previous) is not None
        if not unchanged:
            self._doubted = {part.number for part in upload.parts if part.received}
        self._noted = previous
        self._take(upload)
        return True

    def _told(self, previous: SavedUpload, words: Words) -> Video | None:
        """The video, after the server was told what is asked for now. None when the video is gone."""
        path = f"/api/videos/{previous.video_id}"
        if previous.words == words:
            return self._unless_gone(lambda: self._api.get(path, Video))
        self._noted = msgspec.structs.replace(previous, words=None)
        self._note.write(self._noted)
        video = self._unless_gone(lambda: self._api.patch(path, Video, words))
        self._noted = msgspec.structs.replace(previous, words=words)
        self._note.write(self._noted)
        return video

    def _unless_gone(self, action: Callable[[], T]) -> T | None:
        try:
            return cast(T, self._ask(action))
        except ServerProblem as problem:
            if problem.status not in GONE:
                raise
            return None

    def _uploaded_before(self, previous: SavedUpload) -> Video | None:
        """The video of an upload that was completed by a client which did not live to hear of it."""
        video = self._unless_gone(lambda: self._api.get(f"/api/videos/{previous.video_id}", Video))
        return video if video and video.state not in ("uploading", "failed") else None

    def _take(self, upload: Upload) -> None:
        with self._lock:
            self._upload = upload
            self._arrived = sum(part.size for part in upload.parts if part.received)
            self._moving.clear()
        self._noted = msgspec.structs.replace(self._noted, upload_id=upload.id, video_id=upload.video_id)
        self._note.write(self._noted)

    # Send

    def _finish(self, on_tick: Callable[[], None]) -> Video:
        for _ in range(ROUNDS):
            self._send_missing(on_tick)
            self._source.check_unchanged()
            try:
                video: Video = self._ask(lambda: self._api.post(f"/api/uploads/{self.upload.id}/complete", Video))
            except ServerProblem as problem:
                if problem.slug != "upload-incomplete":
                    return self._heard_late(problem)
                self._take(self._ask(lambda: self._api.get(f"/api/uploads/{self.upload.id}", Upload)))
                continue
            self._note.clear()
            return video
        raise CliError("The server keeps losing parts of the upload.", hint="Run the same command again to go on.")

    def _heard_late(self, problem: ServerProblem) -> Video:
        """Completing may succeed and its answer be lost; asked again, the server says that it is done already."""
        video = self._uploaded_before(SavedUpload(self.upload.id, self.upload.video_id))
        if video is None:
            raise problem
        self._note.clear()
        return video

    @property
    def upload(self) -> Upload:
        assert self._upload is not None
        return self._upload

    def _send_missing(self, on_tick: Callable[[], None]) -> None:
        missing: queue.SimpleQueue[Part] = queue.SimpleQueue()
        for part in self.upload.parts:
            if not part.received or part.number in self._doubted:
                missing.put(part)
        outcomes: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        # Daemons: a thread that sits in a dead connection does not keep the program from ending.
        workers = [
            threading.Thread(target=self._work, args=(missing, outcomes), daemon=True)
            for _ in range(min(PARALLEL, missing.qsize()))
        ]
        for worker in workers:
            worker.start()
        for _ in workers:
            outcome = _wait_for(outcomes, on_tick)
            if outcome:
                self._stop.set()
                raise outcome
        on_tick()

    def _work(self, missing: "queue.SimpleQueue[Part]", outcomes: "queue.SimpleQueue[BaseException | None]") -> None:
        try:
            while not self._stop.is_set():
                try:
                    part = missing.get_nowait()
                except queue.Empty:
                    break
                self._send(part)
            outcomes.put(None)
        except Stopped:
            outcomes.put(None)
        except BaseException as error:
            outcomes.put(error)

    def _send(self, part: Part) -> None:
        if part.received:
            if part.sha256 and base64.b64decode(self._source.checksum(part.offset, part.size)).hex() == part.sha256:
                return
            with self._lock:
                self._arrived -= part.size
        for left in reversed(range(CHECKSUM_TRIES)):
            self._source.check_unchanged()
            checksum = self._source.checksum(part.offset, part.size)
            try:
                self._ask(lambda checksum=checksum: self._put(part, checksum))  # type: ignore[misc]
                break
            except ServerProblem as problem:
                self._source.check_unchanged()
                if not left or (problem.slug != "checksum-mismatch" and problem.status != 403):
                    raise
                if problem.status == 403:
                    self._renew_url(part)
        with self._lock:
            self._moving.pop(part.number, None)
            self._arrived += part.size

    def _put(self, part: Part, checksum: str) -> None:
        headers = {
            "content-length": str(part.size),
            "content-type": "application/octet-stream",
            "x-amz-checksum-sha256": checksum,
        }
        url = self._api.url(part.url) if part.url else self._signed_url(part, checksum)
        try:
            with reaching("{0.scheme}://{0.netloc}".format(urlsplit(url))):
                response = self._api.http.put(url, content=self._counted_blocks(part), headers=headers)
            if response.is_error:
                raise problem_of(response)
        except BaseException:
            with self._lock:
                self._moving.pop(part.number, None)
            raise

    def _counted_blocks(self, part: Part) -> Any:
        for block in self._source.blocks(part.offset, part.size):
            if self._stop.is_set():
                raise Stopped
            yield block
            with self._lock:
                self._moving[part.number] = self._moving.get(part.number, 0) + len(block)

    def _signed_url(self, part: Part, checksum: str) -> str:
        """Where the part may go: S3 takes a checksum only from a URL that was signed for it."""
        wanted = {"parts": [{"number": part.number, "sha256": base64.b64decode(checksum).hex()}]}
        answer = self._api.post(f"/api/uploads/{self.upload.id}/parts", SignedParts, wanted)
        return self._api.url(answer.parts[0].url)

    def _renew_url(self, part: Part) -> None:
        """A signed URL lives for some hours; a big file on a slow line takes longer."""
        upload = self._ask(lambda: self._api.get(f"/api/uploads/{self.upload.id}", Upload))
        part.url = next(fresh.url for fresh in upload.parts if fresh.number == part.number)

    def _abandon(self) -> None:
        """What was sent of a file that has changed is of no use to anyone."""
        self._stop.set()
        self._note.clear()
        try:
            self._api.delete(f"/api/uploads/{self.upload.id}")
        except CliError:
            return  # it expires by itself

    def _ask(self, action: Callable[[], Any]) -> Any:
        result = self._retrying.run(action, self._on_error)
        self.last_error = ""
        return result

    def _on_error(self, error: CliError) -> None:
        self.last_error = error.message


def _wait_for(outcomes: "queue.SimpleQueue[BaseException | None]", on_tick: Callable[[], None]) -> BaseException | None:
    while True:
        try:
            return outcomes.get(timeout=0.1)
        except queue.Empty:
            on_tick()


def details_of(source: SourceFile, *, title: str | None, private: bool) -> dict[str, Any]:
    """What POST /api/uploads is told of the file."""
    details: dict[str, Any] = {"name": source.name, "size": source.size, "type": source.media_type}
    if title:
        details["title"] = title
    if private:
        details["visibility"] = "private"
    return details

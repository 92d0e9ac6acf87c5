"""From the outbox to a Broker over HTTP, in order for each key. A row is deleted only when the Broker answered 2xx.

One request an event, since the Broker's ingress takes one at a time; on connections that stay open. The events of a key
go one after the other, those of different keys side by side.

A response that is not 2xx blocks the events of that key only, since the Broker may refuse just this event. When it does
not answer, or says that it is overloaded, nothing more is sent until the next relay.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from psycopg2.extensions import connection

from shared.cloudevents.http import to_http
from shared.config import ConfigError, setting
from shared.outbox.batches import OutboxRow, Sent, relay_in_batches
from shared.outbox.broker import sink
from shared.outbox.broker.sink import CONCURRENCY

BATCH_SECONDS = 5.0  # then the sent rows are deleted: a kill repeats few, and other relays get their turn
ANSWER_SECONDS = 10.0
REFUSALS_WITHOUT_SUCCESS = 20  # then the Broker is at fault, and not these events
BUSY = (429, 503)
LONGEST_WAIT = 60.0  # of what a Retry-After may ask for: a header must not stop us for days
LONGEST_ANSWER = 1 << 16

log = logging.getLogger("wadi.outbox")

_not_before = 0.0  # what a Retry-After asked for, on the monotonic clock


class Answer(NamedTuple):
    status: int
    said: str
    retry_after: str


def relay_to_broker(db: connection) -> int:
    """Sends everything that is committed in the outbox; how many events. Raises ConfigError when some of it could not
    be sent: then it is still in the outbox."""
    relaying = _Relay()
    moved = relay_in_batches(db, "key", relaying.blocked, relaying.send)
    if wrong := relaying.stopped or next(iter(relaying.blocked.values()), ""):
        also = len(relaying.blocked) - 1
        raise ConfigError(wrong + (f" (and the events of {also} other keys wait)" if also > 0 else ""))
    return moved


class _Relay:
    """One relay: `blocked` are the keys that wait, and why; `stopped` is why nothing more is sent."""

    def __init__(self) -> None:
        self.blocked: dict[str, str] = {}
        self.stopped = ""
        self.taken = 0
        self._lock = threading.Lock()

    def send(self, rows: list[OutboxRow]) -> Sent:
        """The rows that the Broker took: of each key those before the first that it did not."""
        if (wait := _not_before - time.monotonic()) > 0:
            self.stopped = f"K_SINK: {setting('K_SINK')} asked for a pause, {wait:.0f} s of it are left"
            return Sent([], go_on=False)
        keys: dict[str, list[OutboxRow]] = {}
        for row in rows:
            keys.setdefault(row.ordering_key, []).append(row)
        order = list(keys.values())
        random.shuffle(order)  # so that keys that are always refused are not always the first
        waiting, sent = deque(order), list[int]()
        until = time.monotonic() + BATCH_SECONDS
        threads = [
            threading.Thread(target=self._send_keys, args=(waiting, sent, until), name="to-broker", daemon=True)
            for _ in range(min(CONCURRENCY, len(order)) - 1)
        ]
        for thread in threads:
            thread.start()
        self._send_keys(waiting, sent, until)
        for thread in threads:
            thread.join()
        return Sent(sent, go_on=not self.stopped)

    def _send_keys(self, waiting: deque[list[OutboxRow]], sent: list[int], until: float) -> None:
        while not self.stopped:
            try:
                rows = waiting.popleft()
            except IndexError:
                return
            for row in rows:
                if self.stopped or time.monotonic() > until or not self._deliver(row):
                    break
                sent.append(row.seq)
            if time.monotonic() > until:
                return

    def _deliver(self, row: OutboxRow) -> bool:
        try:
            answer = _post(row.event)
        except ConfigError as error:
            self.stopped = str(error)
            return False
        except Exception as error:  # an exception would end the thread without a word
            log.exception("event %s", row.event.get("id"))
            self._block(row, f"{type(error).__name__}: {error}")
            return False
        if 200 <= answer.status < 300:
            self.taken += 1
            return True
        self._block(row, f"{answer.status} {answer.said}".strip())
        if answer.status in BUSY:
            _pause(answer.retry_after)
            self.stopped = self.blocked[row.ordering_key]
        return False

    def _block(self, row: OutboxRow, why: str) -> None:
        with self._lock:
            self.blocked[row.ordering_key] = (
                f"K_SINK: {setting('K_SINK')} did not take {row.event['type']} {row.event['id']}: {why}"
            )
            if len(self.blocked) >= REFUSALS_WITHOUT_SUCCESS and not self.taken:
                self.stopped = self.blocked[row.ordering_key]


def _post(event: dict[str, Any]) -> Answer:
    """Raises ConfigError when there is no answer. Nothing is sent again here, and no redirect is followed: an event
    without an answer may have been taken, and the next relay decides."""
    from urllib3 import Timeout
    from urllib3.exceptions import HTTPError

    headers, body = to_http(event | sink.overrides())
    try:
        answer = sink.pool().urlopen(
            "POST",
            sink.address().path,
            body,
            headers,
            retries=False,
            redirect=False,
            timeout=Timeout(connect=sink.CONNECT_SECONDS, read=ANSWER_SECONDS),
            preload_content=False,
        )
        said = answer.read(LONGEST_ANSWER, decode_content=False)
        answer.close()  # a connection whose answer was read to its end is in the pool again by now, and stays open
    except (OSError, HTTPError) as error:
        sink.forget_connections()
        raise sink.no_answer(sink.reason(error)) from error
    text = " ".join(said.decode(errors="replace").split())[:200]
    return Answer(answer.status, text or answer.reason or "", answer.headers.get("Retry-After", ""))


def _pause(retry_after: str) -> None:
    """Retry-After: seconds, or a date (RFC 9110 section 10.2.3)."""
    global _not_before
    if not retry_after:
        return
    try:
        seconds = (
            float(retry_after)
            if retry_after.isdigit()
            else parsedate_to_datetime(retry_after).timestamp() - time.time()
        )
    except ValueError:
        return
    _not_before = time.monotonic() + min(max(seconds, 0.0), LONGEST_WAIT)

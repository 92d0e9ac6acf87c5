"""From the outbox to a Broker over HTTP, in order for each key. A row is deleted only when the Broker answered 2xx.

One request an event, since the Broker's ingress takes one at a time; on connections that stay open. The events of a key
go one after the other, those of different keys side by side.

An answer that is no 2xx keeps the events of its key waiting, and nobody else's: the Broker may find fault with that one
event. Where it does not answer, or says that it has too much to do, nothing more is sent until the next relay.
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
from shared.outbox.batches import Row, Sent, relay_in_batches
from shared.outbox.broker import sink
from shared.outbox.broker.sink import LANES

BATCH_SECONDS = 5.0  # then what is sent is deleted, so that a kill sends little twice and other relays get their turn
ANSWER_SECONDS = 10.0
REFUSALS = 20  # so many without a single event that is taken: it is not the events
BUSY = (429, 503)
LONGEST_WAIT = 60.0  # of what a Retry-After may ask for: nothing waits for days because of a header
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
    moved = relay_in_batches(db, "key", relaying.held, relaying.send)
    if wrong := relaying.away or next(iter(relaying.held.values()), ""):
        also = len(relaying.held) - 1
        raise ConfigError(wrong + (f" (and the events of {also} other keys wait)" if also > 0 else ""))
    return moved


class _Relay:
    """What one relay has found out so far: `held` are the keys that wait, and why; `away` is why nothing is sent."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.away = ""
        self.taken = 0
        self._lock = threading.Lock()

    def send(self, rows: list[Row]) -> Sent:
        """The rows that the Broker took: of each key those before the first that it did not."""
        if (wait := _not_before - time.monotonic()) > 0:
            self.away = f"K_SINK: {setting('K_SINK')} asked for a pause, {wait:.0f} s of it are left"
            return Sent([], go_on=False)
        keys: dict[str, list[Row]] = {}
        for row in rows:
            keys.setdefault(row.group, []).append(row)
        order = list(keys.values())
        random.shuffle(order)  # so that keys which are always refused are not always the first
        waiting, sent = deque(order), list[int]()
        until = time.monotonic() + BATCH_SECONDS
        helpers = [
            threading.Thread(target=self._lane, args=(waiting, sent, until), name="to-broker", daemon=True)
            for _ in range(min(LANES, len(order)) - 1)
        ]
        for helper in helpers:
            helper.start()
        self._lane(waiting, sent, until)
        for helper in helpers:
            helper.join()
        return Sent(sent, go_on=not self.away)

    def _lane(self, waiting: deque[list[Row]], sent: list[int], until: float) -> None:
        while not self.away:
            try:
                rows = waiting.popleft()
            except IndexError:
                return
            for row in rows:
                if self.away or time.monotonic() > until or not self._took(row):
                    break
                sent.append(row.seq)
            if time.monotonic() > until:
                return

    def _took(self, row: Row) -> bool:
        try:
            answer = _post(row.event)
        except ConfigError as error:
            self.away = str(error)
            return False
        except Exception as error:  # a thread's end would tell nobody
            log.exception("event %s", row.event.get("id"))
            self._hold(row, f"{type(error).__name__}: {error}")
            return False
        if 200 <= answer.status < 300:
            self.taken += 1
            return True
        self._hold(row, f"{answer.status} {answer.said}".strip())
        if answer.status in BUSY:
            _pause(answer.retry_after)
            self.away = self.held[row.group]
        return False

    def _hold(self, row: Row, why: str) -> None:
        with self._lock:
            self.held[row.group] = (
                f"K_SINK: {setting('K_SINK')} did not take {row.event['type']} {row.event['id']}: {why}"
            )
            if len(self.held) >= REFUSALS and not self.taken:
                self.away = self.held[row.group]


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

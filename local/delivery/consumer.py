"""One subscription: brings the events of its topics to its sink, as the Kafka data plane of Knative does.

    2xx                                        handled; a reply is dropped
    404, 408, 409, 429, 5xx or no answer       again after the backoff, `retry` times
    anything else                              no further try
    no try left                                to the dead letter sink, with the knativeerror attributes; dropped where
                                               the source names none

An event is settled when it is handled, or the dead letter sink has taken it. So a runner that is killed in between
delivers again: at least once, never zero times. Where the events come from, its feed knows: the tables of the database
(local/delivery/postgres/topics.py) or Kafka (local/delivery/kafka/feed.py).
"""

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from local.delivery.chaos import Chaos
from local.delivery.feed import Feed, FeedDownError, Owed, Subscription
from local.sink import SinkClient, SinkResponse
from shared.cloudevents.http import to_http

log = logging.getLogger("wadi.delivery")

POLL_SECONDS = 5.0  # only for what a lost notification would hide
DOWN_PAUSE = 0.5
LONGEST_PAUSE = 60.0


def worth_retrying(status: int) -> bool:
    return status in (0, 404, 408, 409, 429) or status >= 500


class Consumer:
    def __init__(self, source: Subscription, client: SinkClient, feed: Feed, chaos: Chaos) -> None:
        self.source = source
        self.client = client
        self.feed = feed
        self.chaos = chaos
        self.closing = False
        self.delivered = self.retried = self.dead = self.dropped = 0
        self._under_way: set[int] = set()
        self._being_buried: set[int] = set()  # these wait for the dead letter sink, not for ours
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            try:
                pause = await self._start_due()
            except FeedDownError:
                pause = DOWN_PAUSE
            await heard_within(self._wake, pause)

    async def _start_due(self) -> float:
        """Starts as many deliveries as the sink has room for; returns how long there is nothing more to do."""
        room = self.client.capacity(self.source.sink) - len(self._under_way)
        if room <= 0:
            return POLL_SECONDS
        busy = [*self._under_way, *self._being_buried]
        owed = await self.feed.due(busy, room + self.chaos.window)
        for one in self.chaos.shuffled(self.source.group, owed)[:room]:
            self._under_way.add(one.position)
            task = asyncio.create_task(self._deliver(one))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if len(owed) >= room:
            return POLL_SECONDS
        next_one = await self.feed.seconds_to_next()
        return POLL_SECONDS if next_one is None else min(POLL_SECONDS, max(next_one, 0.0) + 0.005)

    async def _deliver(self, owed: Owed) -> None:
        try:
            await self._try_once(owed)
        finally:
            self._under_way.discard(owed.position)
            self._being_buried.discard(owed.position)
            self.wake()

    async def _try_once(self, owed: Owed) -> None:
        delivery, group = self.source.delivery, self.source.group
        hold = self.chaos.delayed(group, owed.position)
        if hold:
            await _surely(lambda: self.feed.put_off(owed.position, owed.attempt, hold))
            return
        answer = await self._send(self.source.sink, owed.event, twice=self.chaos.doubled(group, owed.position))
        if self.closing and not answer.ok:
            return  # that was our going down and no failure of the function: no try is counted
        if answer.ok:
            self.delivered += 1
        elif worth_retrying(answer.status) and owed.attempt < delivery.retry:
            failures = owed.attempt + 1
            pause = delivery.backoff(failures)
            self.retried += 1
            log.warning("%s, %s of %s, again in %g s", self._story(owed, answer), failures, delivery.retry + 1, pause)
            await _surely(lambda: self.feed.put_off(owed.position, failures, pause))
            return
        else:
            await self._bury(owed, answer)
        await _surely(lambda: self.feed.settle(owed.position))

    async def _send(self, sink: str, event: dict[str, Any], *, twice: bool = False) -> SinkResponse:
        headers, body = to_http(event)
        timeout = self.source.delivery.timeout_seconds
        copies = [self.client.deliver(sink, headers, body, timeout) for _ in range(2 if twice else 1)]
        return (await asyncio.gather(*copies))[0]

    async def _bury(self, owed: Owed, answer: SinkResponse) -> None:
        """To the dead letter sink, as often as it takes: nothing may vanish between the two."""
        sink = self.source.dead_letter_sink
        if sink is None:
            self.dropped += 1
            log.error("%s: dropped, there is no dead letter sink", self._story(owed, answer))
            return
        self._under_way.discard(owed.position)
        self._being_buried.add(owed.position)
        self.wake()
        log.error("%s: to the dead letter sink %s", self._story(owed, answer), sink)
        event = owed.event | self._error_attributes(answer)
        failures = 0
        while not (taken := await self._send(sink, event)).ok:
            failures += 1
            pause = min(max(self.source.delivery.backoff(failures), 0.1), LONGEST_PAUSE)
            log.error("dead letter sink %s: %s, again in %g s", sink, _said(taken), pause)
            await asyncio.sleep(pause)
        self.dead += 1

    def _error_attributes(self, answer: SinkResponse) -> dict[str, str]:
        """No answer counts as 500, as in Knative's dispatchers."""
        return {
            "knativeerrordest": self.client.address(self.source.sink),
            "knativeerrorcode": str(answer.status or 500),
            "knativeerrordata": base64.b64encode(answer.body).decode(),
        }

    def _story(self, owed: Owed, answer: SinkResponse) -> str:
        return f"{owed} to {self.source.sink}: {_said(answer)}"

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def status(self) -> dict[str, Any]:
        return {
            "group": self.source.group,
            "topics": self.source.topics,
            "sink": self.source.sink,
            "here": self.feed.here,
            "under_way": len(self._under_way),
            "delivered": self.delivered,
            "retried": self.retried,
            "dead": self.dead,
            "dropped": self.dropped,
        }


async def heard_within(event: asyncio.Event, seconds: float) -> None:
    """Until the event, or for so long. Not asyncio.wait_for: until Python 3.12 it could swallow a cancellation."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _surely(work: Callable[[], Awaitable[None]]) -> None:
    """Does it as soon as the feed answers."""
    while True:
        try:
            return await work()
        except FeedDownError as error:
            log.warning("the events are out of reach: %s", error)
            await asyncio.sleep(DOWN_PAUSE)


def _said(answer: SinkResponse) -> str:
    text = " ".join(answer.body.decode(errors="replace").split())[:200]
    return f"{answer.status or 'no answer'} {text}".rstrip()

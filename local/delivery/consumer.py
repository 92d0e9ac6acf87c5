"""One subscription: brings the events of its topics to its sink, as the Kafka data plane of Knative does.

    2xx                                        handled; a reply is dropped
    404, 408, 409, 429, 5xx or no answer       again after the backoff, `retry` times
    anything else                              no further try
    no try left                                to the dead letter sink, with the knativeerror attributes; dropped where
                                               the source names none

An event is completed when it is handled, or the dead letter sink has taken it. So a runner that is killed in between
delivers again: at least once. The events come from a queue: of the tables of the database
(local/delivery/postgres/topics.py) or of Kafka (local/delivery/kafka/queue.py).
"""

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from local.delivery.chaos import Chaos
from local.delivery.queue import EventQueue, PendingEvent, Subscription, TransportDownError
from local.sink import SinkClient, SinkResponse
from shared.cloudevents.http import to_http

log = logging.getLogger("wadi.delivery")

POLL_SECONDS = 5.0  # only for what a lost notification would hide
DOWN_PAUSE = 0.5
LONGEST_PAUSE = 60.0


def worth_retrying(status: int) -> bool:
    return status in (0, 404, 408, 409, 429) or status >= 500


class Consumer:
    def __init__(self, source: Subscription, client: SinkClient, queue: EventQueue, chaos: Chaos) -> None:
        self.source = source
        self.client = client
        self.queue = queue
        self.chaos = chaos
        self.closing = False
        self.delivered = self.retried = self.dead = self.dropped = 0
        self._in_flight: set[int] = set()
        self._being_dead_lettered: set[int] = set()  # these wait for the dead letter sink, and take no capacity of ours
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            try:
                pause = await self._start_due()
            except TransportDownError:
                pause = DOWN_PAUSE
            await heard_within(self._wake, pause)

    async def _start_due(self) -> float:
        """Starts as many deliveries as the sink has capacity for; returns for how long there is nothing more to do."""
        capacity = self.client.capacity(self.source.sink) - len(self._in_flight)
        if capacity <= 0:
            return POLL_SECONDS
        busy = [*self._in_flight, *self._being_dead_lettered]
        pending = await self.queue.due(busy, capacity + self.chaos.window)
        for one in self.chaos.shuffled(self.source.group, pending)[:capacity]:
            self._in_flight.add(one.position)
            task = asyncio.create_task(self._deliver(one))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if len(pending) >= capacity:
            return POLL_SECONDS
        next_one = await self.queue.seconds_until_due()
        return POLL_SECONDS if next_one is None else min(POLL_SECONDS, max(next_one, 0.0) + 0.005)

    async def _deliver(self, pending: PendingEvent) -> None:
        try:
            await self._try_once(pending)
        finally:
            self._in_flight.discard(pending.position)
            self._being_dead_lettered.discard(pending.position)
            self.wake()

    async def _try_once(self, pending: PendingEvent) -> None:
        delivery, group = self.source.delivery, self.source.group
        delay = self.chaos.delayed(group, pending.position)
        if delay:
            await _until_done(lambda: self.queue.postpone(pending.position, pending.attempt, delay))
            return
        response = await self._send(
            self.source.sink, pending.event, twice=self.chaos.duplicated(group, pending.position)
        )
        if self.closing and not response.ok:
            return  # the runner is stopping: that is no failure of the function, and no try is counted
        if response.ok:
            self.delivered += 1
        elif worth_retrying(response.status) and pending.attempt < delivery.retry:
            failures = pending.attempt + 1
            pause = delivery.backoff(failures)
            self.retried += 1
            log.warning(
                "%s, %s of %s, again in %g s", self._summary(pending, response), failures, delivery.retry + 1, pause
            )
            await _until_done(lambda: self.queue.postpone(pending.position, failures, pause))
            return
        else:
            await self._dead_letter(pending, response)
        await _until_done(lambda: self.queue.complete(pending.position))

    async def _send(self, sink: str, event: dict[str, Any], *, twice: bool = False) -> SinkResponse:
        headers, body = to_http(event)
        timeout = self.source.delivery.timeout_seconds
        copies = [self.client.deliver(sink, headers, body, timeout) for _ in range(2 if twice else 1)]
        return (await asyncio.gather(*copies))[0]

    async def _dead_letter(self, pending: PendingEvent, response: SinkResponse) -> None:
        """Sends the event to the dead letter sink until that takes it: no event may be lost between the two sinks."""
        sink = self.source.dead_letter_sink
        if sink is None:
            self.dropped += 1
            log.error("%s: dropped, there is no dead letter sink", self._summary(pending, response))
            return
        self._in_flight.discard(pending.position)
        self._being_dead_lettered.add(pending.position)
        self.wake()
        log.error("%s: to the dead letter sink %s", self._summary(pending, response), sink)
        event = pending.event | self._error_attributes(response)
        failures = 0
        while not (taken := await self._send(sink, event)).ok:
            failures += 1
            pause = min(max(self.source.delivery.backoff(failures), 0.1), LONGEST_PAUSE)
            log.error("dead letter sink %s: %s, again in %g s", sink, _said(taken), pause)
            await asyncio.sleep(pause)
        self.dead += 1

    def _error_attributes(self, response: SinkResponse) -> dict[str, str]:
        """No response counts as 500, as in Knative's dispatchers."""
        return {
            "knativeerrordest": self.client.address(self.source.sink),
            "knativeerrorcode": str(response.status or 500),
            "knativeerrordata": base64.b64encode(response.body).decode(),
        }

    def _summary(self, pending: PendingEvent, response: SinkResponse) -> str:
        return f"{pending} to {self.source.sink}: {_said(response)}"

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def status(self) -> dict[str, Any]:
        return {
            "group": self.source.group,
            "topics": self.source.topics,
            "sink": self.source.sink,
            "here": self.queue.here,
            "under_way": len(self._in_flight),
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


async def _until_done(work: Callable[[], Awaitable[None]]) -> None:
    """Tries again until the transport answers."""
    while True:
        try:
            return await work()
        except TransportDownError as error:
            log.warning("the transport does not answer: %s", error)
            await asyncio.sleep(DOWN_PAUSE)


def _said(response: SinkResponse) -> str:
    text = " ".join(response.body.decode(errors="replace").split())[:200]
    return f"{response.status or 'no answer'} {text}".rstrip()

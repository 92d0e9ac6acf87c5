"""A stand-in for Knative's controller and data plane of KafkaSources, which are no Go modules that could be built here.

    python -P -m tools.cluster.kafka_source --kubeconfig FILE [--through HOST:PORT]
    start(plane, ingress.internal); stop(plane)     the same as a process of the plane's, and the policy

It watches the real KafkaSources of all namespaces, and is a member of each one's consumer group. What becomes of an
event is decided by the same code that delivers on a single machine (local/delivery/consumer.py,
local/delivery/kafka/queue.py, local/delivery/kafka/reader.py); here is only what differs: sources and sinks are looked
up in the API server, and a source's status tells of it. `--through` is the cluster-local side of the ingress, by which
sinks are reached from where the cluster's DNS does not answer. As many events are under way to a sink at once as the
real one takes in a poll.

Unlike the real one it makes the topics that are missing (events/topics.py says how), it is one process however many
`consumers` are asked for, and orders by key where the real one orders by partition. What the real webhook would refuse,
kafka_source_policy.yaml refuses; what it would fill in, is taken as filled in here. `net` (TLS, SASL) and ceOverrides
are not done: a source that has them says so and does not get ready.
"""

import argparse
import asyncio
import logging
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec
import yaml

from deploy.overlays import ROOT
from events.topics import topic
from local.delivery.chaos import Chaos
from local.delivery.consumer import Consumer
from local.delivery.kafka.queue import KafkaQueue
from local.delivery.kafka.reader import KafkaReader
from local.manifests.knative import Delivery
from local.sink import ERROR_DATA_BYTES, SinkResponse
from shared.config import ConfigError
from shared.outbox.kafka.topics import create
from tools.backends import server
from tools.backends.server import Program, Server
from tools.cluster.api import Api, ApiError, Object
from tools.cluster.crds import Document
from tools.cluster.plane import Plane

log = logging.getLogger("wadi.cluster")

SOURCES = "/apis/sources.knative.dev/v1beta1"
ROOM = 50  # max.poll.records of the real data plane
LOOK_SECONDS = 1.0  # how often what is not ready is looked at again
READY_SECONDS = 30.0  # and whether the sinks of what is have moved
# What the real one does where a source has no `delivery`; naming any of it drops all of it.
USUAL = Delivery(retry=10, backoff_policy="exponential", backoff_delay="PT10S")
NAME = "kafka-source"
POLICY = Path(__file__).parent / "kafka_source_policy.yaml"


def policy() -> list[Document]:
    """What stands in for the real admission webhook."""
    return list(yaml.safe_load_all(POLICY.read_text()))


@dataclass(frozen=True)
class Source:
    """A KafkaSource as it is to be run: its sinks are URLs."""

    uid: str
    path: str
    name: str
    group: str
    servers: str
    topics: tuple[str, ...]
    initial_offset: str
    ordered: bool
    sink: str
    dead_letter_sink: str | None
    delivery: Delivery


class ClusterSinkClient:
    """What has a URL in the cluster."""

    def __init__(self, session: aiohttp.ClientSession, through: str) -> None:
        self.session = session
        self.through = through

    def capacity(self, sink: str) -> int:
        return ROOM

    def address(self, sink: str) -> str:
        return sink

    async def deliver(self, sink: str, headers: Mapping[str, str], body: bytes, timeout: float) -> SinkResponse:
        at = urlsplit(sink)
        url, sent = sink, dict(headers)
        if self.through:
            url, sent["Host"] = at._replace(scheme="http", netloc=self.through).geturl(), at.netloc
        limit = aiohttp.ClientTimeout(total=timeout, sock_connect=10)
        try:
            async with self.session.post(url, headers=sent, data=body, timeout=limit, allow_redirects=False) as answer:
                return SinkResponse(answer.status, await answer.content.read(ERROR_DATA_BYTES))
        except TimeoutError:
            return SinkResponse(0, b"no answer in time")
        except (aiohttp.ClientError, OSError) as error:
            return SinkResponse(0, f"no answer: {error or type(error).__name__}".encode())


class Subscription:
    """A source while it is run."""

    def __init__(self, source: Source, client: ClusterSinkClient) -> None:
        self.source = source
        self.queue = KafkaQueue(source)
        self.consumer = Consumer(source, client, self.queue, Chaos())
        loop = asyncio.get_running_loop()
        self.reader = KafkaReader(
            self.queue, lambda: loop.call_soon_threadsafe(self.consumer.wake), servers=source.servers
        )
        self.reader.start()
        self.task = asyncio.create_task(self.consumer.run())

    async def stop(self) -> None:
        """What is under way is given up: the next member of the group gets it."""
        self.consumer.closing = True
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.consumer.stop()
        await asyncio.to_thread(self.reader.stop)


class Unready(Exception):
    """Why a source does not run: the condition that is not met, a reason, and a message."""

    def __init__(self, condition: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.condition = condition
        self.reason = reason


class Controller:
    def __init__(self, api: Api, client: ClusterSinkClient) -> None:
        self.api = api
        self.client = client
        self.known: dict[str, Object] = {}
        self.running: dict[str, Subscription] = {}
        self.settled: dict[str, tuple[str, float]] = {}  # what is ready: in which version, and until when
        self._changed = asyncio.Event()

    async def run(self) -> None:
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                self._changed.clear()
                await self._reconcile()
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._changed.wait()
                except TimeoutError:
                    pass
        finally:
            watching.cancel()
            await asyncio.gather(watching, *(one.stop() for one in self.running.values()), return_exceptions=True)

    async def _watch(self) -> None:
        async for known in self.api.watch(f"{SOURCES}/kafkasources"):
            self.known = known
            self._changed.set()

    async def _reconcile(self) -> None:
        known = {uid: one for uid, one in self.known.items() if "deletionTimestamp" not in one["metadata"]}
        for uid in self.running.keys() - known.keys():
            await self.running.pop(uid).stop()
        self.settled = {uid: one for uid, one in self.settled.items() if uid in known}
        await asyncio.gather(*(self._one(uid, found) for uid, found in known.items()))

    async def _one(self, uid: str, found: Object) -> None:
        version = found["metadata"]["resourceVersion"]
        seen, until = self.settled.get(uid, ("", 0.0))
        if seen == version and time.monotonic() < until:
            return
        try:
            source = await self._read(found)
            subscription = self.running.get(uid)
            if subscription is None or subscription.source != source or subscription.task.done():
                if subscription is not None:
                    del self.running[uid]
                    await subscription.stop()
                await self._make_topics(source)
                subscription = self.running[uid] = Subscription(source, self.client)
            if not subscription.queue.here:
                raise Unready("InitialOffsetsCommitted", "Waiting", "the group has not given out its partitions yet")
            unready = None
        except Unready as error:
            unready = error
            # A sink that has gone away may come again: what is under way to it is tried again, as its delivery says.
        told = await self._tell(found, unready)
        if unready is None and told:
            self.settled[uid] = (version, time.monotonic() + READY_SECONDS)
        else:
            self.settled.pop(uid, None)

    async def _make_topics(self, source: Source) -> None:
        try:
            await asyncio.to_thread(create, {name: topic(name) for name in source.topics}, source.servers)
        except ConfigError as error:
            raise Unready("ConnectionEstablished", "KafkaUnreachable", str(error)) from error

    async def _read(self, found: Object) -> Source:
        about, spec = found["metadata"], found["spec"]
        if spec.get("ceOverrides") or any(part.get("enable") for part in spec.get("net", {}).values()):
            raise Unready("Deployed", "NotSupported", "this stand-in does neither net (TLS, SASL) nor ceOverrides")
        dead, settings = None, USUAL
        if delivery := dict(spec.get("delivery") or {}):
            if letters := delivery.pop("deadLetterSink", None):
                dead = await self._url(letters, about["namespace"])
            try:
                settings = msgspec.convert(delivery, Delivery)
            except msgspec.ValidationError as error:
                raise Unready("Deployed", "NotSupported", f"spec.delivery: {error}") from error
        return Source(
            uid=about["uid"],
            path=f"{SOURCES}/namespaces/{about['namespace']}/kafkasources/{about['name']}",
            name=about["name"],
            group=spec.get("consumerGroup") or f"knative-kafka-source-{about['uid']}",
            servers=",".join(spec["bootstrapServers"]),
            topics=tuple(spec["topics"]),
            initial_offset=spec.get("initialOffset") or "latest",
            ordered=(spec.get("ordering") or "ordered") == "ordered",
            sink=await self._url(spec["sink"], about["namespace"]),
            dead_letter_sink=dead,
            delivery=settings,
        )

    async def _url(self, destination: Mapping[str, Any], namespace: str) -> str:
        """Of what is addressable by its status; of a Service of Kubernetes' own by its name."""
        ref, uri = destination.get("ref"), destination.get("uri", "")
        if ref is None:
            return str(uri)
        place = ref.get("namespace") or namespace
        if (ref["apiVersion"], ref["kind"]) == ("v1", "Service"):
            await self._there(f"/api/v1/namespaces/{place}/services/{ref['name']}")
            return str(urljoin(f"http://{ref['name']}.{place}.svc.cluster.local", uri))
        plural = f"{ref['kind'].lower()}s"
        found = await self._there(f"/apis/{ref['apiVersion']}/namespaces/{place}/{plural}/{ref['name']}")
        url = found.get("status", {}).get("address", {}).get("url")
        if not url:
            raise Unready("SinkProvided", "SinkEmpty", f"{ref['kind']} {place}/{ref['name']} has no address yet")
        return str(urljoin(url, uri))

    async def _there(self, path: str) -> Object:
        try:
            return await self.api.get(path)
        except ApiError as error:
            raise Unready("SinkProvided", "NotFound" if error.status == 404 else "Unknown", str(error)) from error

    async def _tell(self, found: Object, unready: Unready | None) -> bool:
        """The status of the real one's conditions. Whether it stands there already: what is written comes back."""
        before = found.get("status", {})
        then = {one["type"]: one for one in before.get("conditions", [])}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = []
        for kind in ("ConnectionEstablished", "Deployed", "InitialOffsetsCommitted", "Ready", "SinkProvided"):
            said = {"type": kind, "status": "True"}
            if unready and kind in (unready.condition, "Ready"):
                said |= {"status": "False", "reason": unready.reason, "message": str(unready)}
            old = then.get(kind, {})
            same = old.get("status") == said["status"]
            conditions.append(said | {"lastTransitionTime": old["lastTransitionTime"] if same else now})
        status: Object = {
            "observedGeneration": found["metadata"]["generation"],
            "conditions": conditions,
            "consumers": 0 if unready else 1,
        }
        uid = found["metadata"]["uid"]
        if uid in self.running:
            status["sinkUri"] = self.running[uid].source.sink
        if all(before.get(name) == value for name, value in status.items()):
            return True
        about = found["metadata"]
        path = f"{SOURCES}/namespaces/{about['namespace']}/kafkasources/{about['name']}/status"
        try:
            await self.api.merge(path, {"status": status})
        except ApiError as error:
            log.info("%s: %s", path, error)
        return False


def start(plane: Plane, through: str) -> Server:
    """Found running, or started."""
    plane.apply(policy())
    command = [sys.executable, "-P", "-m", "tools.cluster.kafka_source"]
    command += ["--kubeconfig", str(plane.kubeconfig), "--through", through]
    variables = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return server.serve(
        NAME, plane.folder, 0, lambda home, ports: Program(command, lambda: None, {"": through}, variables)
    )


def stop(plane: Plane) -> None:
    if found := server.running(NAME, plane.folder):
        found.stop()


async def run(kubeconfig: Path, through: str) -> None:
    stop = asyncio.Event()
    for which in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(which, stop.set)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with Api(kubeconfig) as api, aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        running = asyncio.create_task(Controller(api, ClusterSinkClient(session, through)).run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        running.cancel()
        ended = await asyncio.gather(running, return_exceptions=True)
        if isinstance(ended[0], Exception):
            raise ended[0]


def main() -> None:
    parser = argparse.ArgumentParser(prog="kafka_source", description="A stand-in for Knative's KafkaSource.")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--through", default="", metavar="HOST:PORT", help="by which sinks are reached; else by DNS")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(run(chosen.kubeconfig, chosen.through))


if __name__ == "__main__":
    main()

"""Events a second, from a commit to a function that has handled them: `python -m tools.bench.events`.

Outbox, relay, topic, runner and a function of its own process that does nothing but remember the event, as each
function does: once through Kafka, once through the tables of the database. Beside them what the Kafka client does by
itself: a bare producer and a bare consumer, with the same bytes on the same broker.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from events import MessageSent
from local import postgres
from shared import db
from shared.cloudevents.kafka import Record, to_record
from shared.db.migrate import migrate
from shared.ids import new_id
from shared.outbox import publish
from shared.outbox.write import envelope
from tools.backends import kafka

ROOT = Path(__file__).resolve().parents[2]
TOPIC = MessageSent.type
A_COMMIT = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=3000)
    count = parser.parse_args().events
    with tempfile.TemporaryDirectory(prefix="wadi-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
        broker, server = kafka.start(folder), postgres.start(folder / "database")
        os.environ["DATABASE_URL"] = server.url
        migrate(server.url)
        try:
            found = {
                "kafka": _chain(folder / "through-kafka", count, KAFKA_BROKERS=broker.address),
                "postgres": _chain(folder / "through-postgres", count, KAFKA_BROKERS=""),
            }
            bare = _bare(broker.address, count)
        finally:
            broker.kill()
            server.stop()
    print(json.dumps({"events": count, **found, "bare": bare, "kafka/bare": round(found["kafka"] / bare, 4)}))


def _chain(folder: Path, count: int, **settings: str) -> float:
    """Events a second from the first commit to the last event that is handled."""
    os.environ.update(settings)
    root = _manifests(folder)
    environment = {**os.environ, "WADI_DATA": str(folder / "data"), "WADI_PORT": "0", "PYTHONPATH": str(ROOT)}
    environment["JWT_SECRET"] = "for nothing but this measurement, long enough"
    runner = subprocess.Popen([sys.executable, "-m", "local", "up", "--root", str(root)], env=environment, cwd=ROOT,
                              stdout=subprocess.DEVNULL, stderr=(folder / "said").open("wb"))  # fmt: skip
    try:
        _until(lambda: (folder / "data" / "run" / "state.json").exists(), 60)
        _publish(A_COMMIT)  # so that all is there and warm
        _until(lambda: _handled() >= A_COMMIT, 60)
        before, began = _handled(), time.perf_counter()
        for _ in range(count // A_COMMIT):
            _publish(A_COMMIT)
        _until(lambda: _handled() - before >= count // A_COMMIT * A_COMMIT, 600)
        took = time.perf_counter() - began
    finally:
        runner.terminate()
        runner.wait()
    with db.transaction() as tx:
        tx.execute("truncate inbox, topic_record, consumer_offset, delivery")
    return round(count / took, 1)


def _publish(count: int) -> None:
    with db.transaction("/wadi/bench") as tx:
        publish(tx, *(MessageSent(new_id(), new_id()) for _ in range(count)))


def _handled() -> int:
    with db.transaction() as tx:
        return tx.value(int, "select count(*) from inbox where holder is null") or 0


def _bare(brokers: str, count: int) -> float:
    """The same records from a producer to a consumer, nothing else."""
    from kafka import KafkaConsumer, KafkaProducer  # type: ignore[import-untyped]  # it has no types

    event = envelope(MessageSent(new_id(), new_id()), "/wadi/bench")
    event["data"] = {"video_id": event["subject"], "message_id": new_id()}
    record = to_record(event)
    with closing(KafkaConsumer(TOPIC, bootstrap_servers=brokers, auto_offset_reset="latest")) as consumer:
        while not consumer.assignment() or any(consumer.position(one) is None for one in consumer.assignment()):
            consumer.poll(100)
        with closing(KafkaProducer(bootstrap_servers=brokers, acks="all")) as producer:
            began = time.perf_counter()
            thread = threading.Thread(target=_produce, args=(producer, record, count))
            thread.start()
            seen = 0
            while seen < count:
                seen += sum(map(len, consumer.poll(500).values()))
            took = time.perf_counter() - began
            thread.join()
    return round(count / took, 1)


def _produce(producer: Any, record: Record, count: int) -> None:
    for _ in range(count):
        producer.send(TOPIC, record.value, new_id().encode(), record.headers)
    producer.flush()


def _manifests(folder: Path) -> Path:
    name, api = "nothing", "serving.knative.dev/v1"
    reference = {"ref": {"apiVersion": api, "kind": "Service", "name": name}}
    environment = {"FUNCTION_TARGET": name, "FUNCTION_SOURCE": str(ROOT / "tools" / "bench" / "nothing.py")}
    container = {"image": "wadi/api", "env": [{"name": key, "value": value} for key, value in environment.items()]}
    service = {
        "apiVersion": api, "kind": "Service", "metadata": {"name": name},
        "spec": {"template": {"spec": {"containerConcurrency": 8, "timeoutSeconds": 60, "containers": [container]}}},
    }  # fmt: skip
    source = {
        "apiVersion": "sources.knative.dev/v1", "kind": "KafkaSource", "metadata": {"name": name},
        "spec": {
            "bootstrapServers": ["kafka:9092"], "consumerGroup": name, "topics": [TOPIC], "ordering": "unordered",
            "initialOffset": "earliest", "sink": reference,
            "delivery": {"retry": 3, "backoffPolicy": "exponential", "backoffDelay": "PT1S", "timeout": "PT60S"},
        },
    }  # fmt: skip
    routes = {
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "wadi"},
        "spec": {"hosts": ["*"], "gateways": ["wadi-gateway"], "http": []},
    }  # fmt: skip
    for path, documents in (("knative/bench/nothing.yaml", [service, source]), ("istio/routes.yaml", [routes])):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text(yaml.safe_dump_all(documents))
    return folder


def _until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit("it did not come to an end")
        time.sleep(0.05)


if __name__ == "__main__":
    main()

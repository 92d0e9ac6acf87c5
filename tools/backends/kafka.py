"""Kafka: one broker that is its own controller (KRaft)."""

import base64
import socket
import struct
import uuid
from contextlib import closing
from pathlib import Path

from tools.backends import java
from tools.backends.cache import kept, run
from tools.backends.server import LOOPBACK, Program, Server, serve

NAME = "kafka"
VERSION = "4.3.1"
ARTIFACTS = (f"org.apache.kafka:kafka_2.13:{VERSION}", "org.slf4j:slf4j-reload4j:1.7.36")
LOGGING = """
log4j.rootLogger=WARN, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%d %p %m (%c)%n
"""
SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=BROKER://{host}:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=BROKER://{host}:{broker}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=8388608
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""

API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)  # length, request, its version, number, no client's name


def install() -> Path:
    java.runtime(NAME)
    return kept(f"kafka-{VERSION}", lambda folder: java.jars(NAME, folder, *ARTIFACTS))


def start(folder: Path, host: str = LOOPBACK) -> Server:
    jars = install()

    def program(home: Path, ports: list[int]) -> Program:
        settings, logging, data = home / "server.properties", home / "log4j.properties", home / "data"
        settings.write_text(SETTINGS.format(host=host, broker=ports[0], controller=ports[1], data=data))
        logging.write_text(LOGGING)
        command = [str(java.runtime(NAME)), "-Xmx512m", *java.FLAGS, f"-Dlog4j.configuration=file:{logging}"]
        command += ["-cp", str(jars / "*")]
        if not (data / "meta.properties").exists():
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            # One in 64 begins with a "-": as an argument of its own it would be taken for an option.
            run(NAME, *command, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", settings)
        brokers = f"{host}:{ports[0]}"
        return Program(
            [*command, "kafka.Kafka", str(settings)], lambda: _brokers(host, ports[0]), {"KAFKA_BROKERS": brokers}
        )

    return serve(NAME, folder, 2, program, host)


def _brokers(host: str, port: int) -> None:
    """Answers when the broker counts itself in: a little later than its port listens, topics can be created."""
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(API_VERSIONS)
        if not connection.recv(4):
            raise OSError("it closed the connection")
    from kafka.admin import KafkaAdminClient  # type: ignore[import-untyped]

    # Only now: where nothing listens, its constructor would leave sockets open.
    with closing(KafkaAdminClient(bootstrap_servers=f"{host}:{port}", request_timeout_ms=10_000)) as admin:
        if not admin.describe_cluster()["brokers"]:
            raise OSError("no broker is registered")

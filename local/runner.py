"""The runner: brings everything up in order, keeps it up, and takes it down in order."""

import asyncio
import errno
import logging
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from local import manifests, postgres
from local.activator.activator import Activator
from local.activator.platform import Platform
from local.cron.cron import Cron
from local.delivery.delivery import Delivery
from local.delivery.postgres.delivery import PostgresDelivery
from local.gateway.app import Gateway
from local.gateway.objects import add_object_routes
from local.gateway.player import add_player_routes
from local.home import Home
from local.layout import ROOT, SERVE
from local.postgres import LocalError
from local.settings import Settings
from shared import cache
from shared.config import ConfigError, setting
from shared.db import connect, database_url, transaction
from shared.db.migrate import migrate
from shared.media.errors import EncodeError
from shared.media.sandbox.ffmpeg import ffmpeg_path
from shared.outbox.transport import Transport, transport
from shared.runtime.readiness import readiness_of_platform
from shared.storage.io.origins import origins
from shared.storage.nodes.health import probe_errors
from shared.storage.nodes.nodes import load
from shared.storage.nodes.register import register
from shared.storage.nodes.state import NodeState

log = logging.getLogger("wadi.runner")

STOP_SECONDS = 10.0  # what a function may still take when everything stops; its event is delivered again otherwise
DATABASE_CHECK_SECONDS = 1.0


class Runner:
    """`manifests_root` holds knative/ and istio/; `module` is what serves a function."""

    def __init__(self, home: Home, settings: Settings, manifests_root: Path = ROOT, module: str = SERVE) -> None:
        self.home = home
        self.settings = settings
        self.manifests_root = manifests_root
        self.module = module
        self.began = time.time()
        self.server: postgres.Server | None = None
        self._stop = asyncio.Event()
        self._failed = ""

    async def run(self, ready: Callable[[str, list[str]], None]) -> None:
        """Runs until a signal comes. Once it is up, `ready` is told the URL, and in a line each which backends it has
        to go on without. Raises LocalError, ConfigError or ManifestError with what is in the way."""
        found = manifests.read(self.manifests_root)
        if setting("K_SINK"):  # nothing of what functions publish would come back to this runner
            raise ConfigError("K_SINK is set: this runner brings events to its functions itself. Unset K_SINK.")
        if setting("WADI_FFMPEG"):
            _check_ffmpeg()
        listening = self._bind()
        port = listening.getsockname()[1]
        url = self.settings.public_url or f"http://localhost:{port}"
        loop = asyncio.get_running_loop()
        for which in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(which, self._stop.set)
        platform = self._platform({"WADI_PORT": str(port)})
        killed = platform.registry.kill_orphans()
        if killed:
            log.warning("killed %s processes that an earlier runner left behind", len(killed))
        try:
            database = await self._database()
            platform.variables["DATABASE_URL"] = database
            cache.check_settings()
            os.environ.update(platform.variables)  # the gateway checks signed object URLs with the same settings
            await asyncio.to_thread(_check_database)
            applied = await asyncio.to_thread(migrate, database)
            log.info("database ready, %s migrations applied", len(applied))
            await asyncio.to_thread(_register_nodes)
            if transport() is Transport.KAFKA:
                await asyncio.to_thread(_make_topics, found.sources)
            await self._serve(found, platform, listening, url, ready)
        finally:
            listening.close()
            if self.server is not None:
                await asyncio.to_thread(self.server.stop)
        if self._failed:
            raise LocalError(self._failed)

    async def _serve(
        self,
        found: manifests.Manifests,
        platform: Platform,
        listening: socket.socket,
        url: str,
        ready: Callable[[str, list[str]], None],
    ) -> None:
        activator = Activator(found.services.values(), platform)
        delivery = self._delivery(found, activator)
        cron = Cron(found.pings, activator)

        async def status() -> dict[str, Any]:
            return {
                "url": url,
                "pid": os.getpid(),
                "up_seconds": round(time.time() - self.began, 1),
                "services": activator.status(),
                "sources": await delivery.status(),
                "pings": cron.status(),
            }

        web_runner = await self._gateway(Gateway(found.routes, activator, status, self.settings.json_limit), listening)
        await activator.start()
        delivery.start()
        cron.start()
        watch = asyncio.create_task(self._watch_database())
        self.home.write_state({"url": url, "local_url": _reachable(listening), "started_at": self.began})
        log.info("up at %s", url)
        not_answering = await asyncio.to_thread(_not_answering)
        for reason in not_answering:
            log.warning("going on without it: %s", reason)
        ready(url, not_answering)
        try:
            await self._stop.wait()
        finally:
            log.info("stopping")
            watch.cancel()
            await cron.stop()
            await delivery.pause()
            await asyncio.gather(web_runner.cleanup(), activator.stop(STOP_SECONDS))
            await delivery.stop()

    def _delivery(self, found: manifests.Manifests, activator: Activator) -> Delivery:
        if transport() is not Transport.KAFKA:
            return PostgresDelivery(database_url(session=True), found.sources, activator, self.settings.chaos)
        from local.delivery.kafka.delivery import KafkaDelivery  # the client takes a while to import

        return KafkaDelivery(found.sources, activator, self.settings.chaos)

    async def _gateway(self, gateway: Gateway, listening: socket.socket) -> web.AppRunner:
        app = gateway.app()
        add_object_routes(app)
        add_player_routes(app, _origins)
        gateway.add_catch_all(app)
        web_runner = web.AppRunner(
            app, access_log=None, auto_decompress=False, max_line_size=65536, max_field_size=65536, shutdown_timeout=1.0
        )
        await web_runner.setup()
        await web.SockSite(web_runner, listening, backlog=1024).start()
        return web_runner

    def _bind(self) -> socket.socket:
        """The gateway's port, taken first: when it is not to be had, nothing else was started in vain."""
        host, port = self.settings.host, self.settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen(1024)
        except OSError as error:
            listening.close()
            if error.errno == errno.EADDRINUSE:
                raise LocalError(f"Port {port} is taken by another program: set WADI_PORT to a free one.") from None
            if error.errno == errno.EACCES:
                raise LocalError(f"Port {port} is reserved: set WADI_PORT to one above 1023.") from None
            raise LocalError(f"WADI_HOST={host} is no address of this machine ({error.strerror}).") from None
        return listening

    def _platform(self, variables: dict[str, str]) -> Platform:
        _allow_many_files()
        common = {"WADI_DATA": str(self.home.data), "JWT_SECRET": self.home.secret(), "PYTHONUNBUFFERED": "1"}
        return Platform(
            self.home.data,
            common | variables,
            self.module,
            idle_seconds=self.settings.idle_seconds,
            max_instances=self.settings.max_instances,
        )

    async def _database(self) -> str:
        if setting("DATABASE_URL"):
            return database_url()
        self.server = await asyncio.to_thread(postgres.start, self.home.data)
        return self.server.url

    async def _watch_database(self) -> None:
        """Starts the embedded database again when it ended; the functions and the delivery just try again."""
        while self.server is not None:
            await asyncio.sleep(DATABASE_CHECK_SECONDS)
            if self.server.alive():
                continue
            log.error("the database ended, starting it again")
            url = self.server.url
            try:
                self.server = await asyncio.to_thread(postgres.start, self.home.data)
            except LocalError as error:
                log.error("%s", error)
                continue
            if self.server.url != url:  # its port was taken meanwhile, and every function has the old address
                self._failed = "The database had to change its port: start Wadi again."
                self._stop.set()


def _check_ffmpeg() -> None:
    """Raises ConfigError when WADI_FFMPEG names a program that cannot be used."""
    try:
        ffmpeg_path()
    except EncodeError as error:
        raise ConfigError(f"{error}.") from error


def _check_database() -> None:
    """Raises ConfigError with the address and what was refused."""
    connect().close()


def _not_answering() -> list[str]:
    """The backends that are set and do not answer, why not, in one line each. What can be done without them is done;
    the rest waits for them."""
    found = readiness_of_platform()
    with transaction() as tx:
        held = [node for node in load(tx) if node.state is not NodeState.REMOVED]
    silent = [f"node {node_id}: {error}" for node_id, error in probe_errors(held).items()]
    return [*found.down.values(), *found.degraded.values(), *silent]


def _origins() -> list[str]:
    """Where browsers fetch objects from, other than here."""
    with transaction() as tx:
        return origins(tx)


def _make_topics(sources: Sequence[manifests.KafkaSource]) -> None:
    """Raises ConfigError with the address and what was refused."""
    from local.delivery.kafka.delivery import topics_of
    from shared.outbox.kafka.topics import create

    for topic in create(topics_of(sources)):
        if topic.note:
            log.warning("topic %s: %s", topic.name, topic.note)


def _register_nodes() -> None:
    with transaction() as tx:
        register(tx)


def _reachable(listening: socket.socket) -> str:
    """Where commands on this machine find us."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _allow_many_files() -> None:
    """Every request takes two sockets; the usual soft limit of 1024 files is a historical one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

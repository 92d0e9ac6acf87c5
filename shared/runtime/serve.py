"""Serves one function: `FUNCTION_TARGET=login PORT=8081 python -m shared.runtime.serve`.

functions-framework makes the WSGI app, gunicorn serves it: one worker, CONTAINER_CONCURRENCY threads. SIGTERM lets the
work at hand finish, for TIMEOUT_SECONDS at most.
"""

import gc
import logging
import socket
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # What is imported stays: looking through it again and again for what could go is a tenth of a cold start.
    gc.disable()

import flask
import functions_framework
from functions_framework.exceptions import FunctionsFrameworkException
from werkzeug.exceptions import HTTPException

from shared import cache
from shared.config import ConfigError, check_settings, integer, setting
from shared.errors import PROBLEMS, Problem
from shared.runtime.capability import capability_of
from shared.runtime.http import write_problem
from shared.runtime.readiness import readiness_of_function
from shared.telemetry import logs, metrics

ROOT = Path(__file__).resolve().parents[2]
log = logging.getLogger("wadi.serve")

DRAIN_BYTES = 16 << 20


def source_of(target: str) -> Path:
    """The file of a capability. Raises ConfigError when there is none of that name."""
    if named := setting("FUNCTION_SOURCE"):
        if Path(named).is_file():
            return Path(named)
        raise ConfigError(f"FUNCTION_SOURCE={named!r} is no file.")
    if not target:
        raise ConfigError("FUNCTION_TARGET is not set: name the capability to serve, for example login.")
    found = sorted(ROOT.glob(f"functions/*/{target}.py")) if target.isidentifier() else []
    if not found:
        raise ConfigError(f"FUNCTION_TARGET={target!r} is no capability: there is no functions/*/{target}.py.")
    return found[0]


def create_app(target: str, source: Path | None = None) -> flask.Flask:
    """The WSGI app of a capability, with /health (it runs), /ready (what it needs answers) and /metrics."""
    source = source or source_of(target)
    try:
        app: flask.Flask = functions_framework.create_app(  # type: ignore[no-untyped-call]  # it has no types
            target, str(source), "http"
        )
        capability_of(app.view_functions["run"])
    except (FunctionsFrameworkException, LookupError) as error:
        raise ConfigError(f"FUNCTION_TARGET={target!r}: {source} declares no capability of that name.") from error
    # The framework's own hook holds what is left of a body in memory, however long it is.
    app.after_request_funcs[None] = [_drain]
    app.register_error_handler(HTTPException, _outside_the_function)
    app.register_error_handler(500, _outside_the_function)  # the framework's own handler tells what it was
    app.add_url_rule("/health", "health", lambda: {"status": "ok"}, methods=["GET"])
    app.add_url_rule("/ready", "ready", _ready, methods=["GET"])
    app.add_url_rule("/metrics", "metrics", _metrics, methods=["GET"])
    return app


def _drain(response: flask.Response) -> flask.Response:
    """Takes what the function left of the body, since a client that still sends does not read the answer; but not
    gigabytes of an upload that was refused: then the connection is closed instead."""
    if not response.is_streamed:
        for _ in range(DRAIN_BYTES >> 16):
            if not flask.request.stream.read(1 << 16):
                return response
        response.headers["Connection"] = "close"
    return response


def _outside_the_function(error: HTTPException) -> flask.Response:
    """What flask itself refuses."""
    slug = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}.get(error.code or 500)
    if slug is None:
        slug = "internal-error" if (error.code or 500) >= 500 else "invalid-request"
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    return write_problem(Problem(slug, f"{PROBLEMS[slug].title}.", headers=headers))


def _ready() -> flask.Response:
    from shared import db

    try:
        with db.transaction() as tx:
            tx.exists("select 1")
    except Exception as error:
        metrics.BACKEND_UP.labels("database").set(0)
        log.warning("not ready: %s", error)
        return write_problem(Problem("unavailable", f"The database does not answer: {error}"))
    metrics.BACKEND_UP.labels("database").set(1)
    found = readiness_of_function()
    if found.down:
        reasons = "; ".join(found.down.values())
        log.warning("not ready: %s", reasons)
        return write_problem(Problem("unavailable", reasons))
    degraded = {"degraded": found.degraded} if found.degraded else {}
    return flask.jsonify(status="ready", backends={"database": "ok", **found.backends}, **degraded)


def _metrics() -> flask.Response:
    text, content_type = metrics.exposition()
    return flask.Response(text, content_type=content_type)


def _check_settings() -> None:
    """Raises ConfigError for what would make every request fail. That a backend answers, /ready tells: it may be down
    for a moment."""
    from shared.db import database_url  # every function has imported it by now
    from shared.outbox.broker import sink
    from shared.outbox.kafka import client

    check_settings()
    database_url()
    if setting("KAFKA_BROKERS"):
        client.addresses()
    if setting("K_SINK"):
        sink.check_settings()
    cache.check_settings()
    if not setting("JWT_SECRET"):
        raise ConfigError("JWT_SECRET is not set: access tokens cannot be signed or checked without it.")


def _address() -> tuple[str, int]:
    """Where to listen. Raises ConfigError when that is not possible: gunicorn would try for five seconds."""
    host, port = setting("BIND_HOST"), integer("PORT")
    try:
        socket.create_server((host, port)).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(f"PORT={port}: nothing can listen at {host}:{port}: {error}") from error
    return host, port


def main() -> None:
    try:
        logs.configure()
        app = create_app(setting("FUNCTION_TARGET"))
        _check_settings()
        host, port = _address()
        threads, grace = integer("CONTAINER_CONCURRENCY"), integer("TIMEOUT_SECONDS")
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(1)

    from gunicorn.app.base import BaseApplication

    from shared.runtime.gunicorn_worker import Worker

    class Server(BaseApplication):
        def load_config(self) -> None:
            for name, value in {
                "bind": f"{host}:{port}",
                "worker_class": Worker,
                "workers": 1,
                # two more than the work, so that /health and /ready answer while all of it is taken
                "threads": (threads or 8) + 2,
                "timeout": 0,  # the caller bounds each request; a busy worker is not a dead one
                "graceful_timeout": grace,
                "keepalive": 75,
                "preload_app": True,
                "accesslog": None,
                "errorlog": "-",
                "loglevel": "warning",
                "control_socket_disable": True,  # every function would make the same one in the user's home
                "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108, gunicorn's heartbeat
            }.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return app

    gc.freeze()  # nor is it looked through later, nor copied into the worker's memory for being looked at
    gc.enable()
    Server().run()


if __name__ == "__main__":
    main()

"""The platform on this machine: starting it, stopping it, asking how it is. `python -m local` does the work."""

import os
import subprocess
import sys
from typing import Any

from cli.errors import CliError, Unreachable
from cli.exits import Exit
from cli.paths import ROOT, data_dir, given_url, running_url
from cli.session import Session


def bring_up(session: Session) -> None:
    """Starts the platform unless it is up. A server that was named is somebody's, and must be up already."""
    if given_url(session.given_server) or running_url():
        session.api.get("/healthz", dict[str, Any])
        return
    session.out.say("starting the platform …")
    start()
    session.out.say(f"the platform is up at {session.server}")


def start() -> None:
    done = _run("up", "--daemon")
    if done.returncode:
        raise CliError(_last_line(done.stderr) or f"The platform did not start: see {_log()}.")
    sys.stderr.write(done.stderr)  # what it has to go on without


def stop() -> str:
    """What there is to be said about it."""
    done = _run("down")
    if done.returncode:
        raise CliError(_last_line(done.stderr) or f"The platform does not stop: see {_log()}.")
    return done.stdout.strip()


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "local", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


def run_at_the_terminal(*arguments: str) -> Exit:
    code = subprocess.run([sys.executable, "-P", "-m", "local", *arguments], cwd=ROOT, env=environment()).returncode
    return {0: Exit.OK, 130: Exit.INTERRUPTED}.get(code, Exit.FAILED)


def environment() -> dict[str, str]:
    return {**os.environ, "WADI_DATA": str(data_dir()), "PYTHONPATH": str(ROOT)}


def _log() -> str:
    return str(data_dir() / "logs" / "runner.log")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def local_status(session: Session) -> dict[str, Any]:
    """What the gateway tells about the machine, to callers on this machine only."""
    return session.api.get("/local/status", dict[str, Any])


def database_url(*, session: bool = False) -> str:
    """DATABASE_URL, with `session` past its pooler, else the database that the platform on this machine has started."""
    if os.environ.get("DATABASE_URL"):
        from shared.db.pool import database_url as configured

        return configured(session=session)
    from local import postgres

    server = postgres.running(data_dir())
    if server is None:
        raise Unreachable("The platform's database is not running.", hint="Start the platform with: wadi up")
    return server.url

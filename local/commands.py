"""What each command does."""

import argparse
import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local import postgres
from local.activator.processes import Registry
from local.home import Home, data_directory
from local.layout import ROOT
from local.logs import show_logs
from local.manifests import ManifestError
from local.postgres import LocalError
from local.settings import from_environment
from local.show import show_processes
from shared.config import ConfigError, setting

DOWN_SECONDS = 90.0
NOT_RUNNING = 3  # as in the LSB's init scripts


def run(arguments: argparse.Namespace) -> int:
    home = Home(data_directory())
    match arguments.command:
        case "up" if arguments.daemon:
            return up_daemon(home, arguments.root, arguments.module)
        case "up":
            return up(home, arguments.root, arguments.module, arguments.notify)
        case "down":
            return down(home)
        case "logs":
            return show_logs(home.logs, arguments.service, lines=arguments.lines, follow=arguments.follow)
        case "ps":
            return ps(home, as_json=arguments.json)
        case _:
            return status(home, as_json=arguments.json)


def up(home: Home, root: Path, module: str, notify: int | None) -> int:
    """Runs here until a signal comes. `notify` is a pipe to the one who waits for us to be up."""
    from local.runner import Runner  # all the other commands do without it, and are quick

    tell = _teller(notify)
    try:
        settings = from_environment()
        home.prepare()
        home.lock()
        _log_to(home, also_here=notify is None)
        asyncio.run(Runner(home, settings, root.absolute(), module).run(lambda *up: tell(_ready_message(*up))))
    except (LocalError, ConfigError, ManifestError) as error:
        tell(f"failed {error}")
        raise
    except OSError as error:
        tell(f"failed {home.refused(error)}")
        raise home.refused(error) from error
    return 0


def _ready_message(url: str, away: list[str]) -> str:
    return "\n".join([f"up {url}", *away])


def up_daemon(home: Home, root: Path, module: str) -> int:
    """Starts a runner of its own session, and returns when it is up."""
    home.prepare()
    reading, writing = os.pipe()
    with home.rotate("runner").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "local", "up", "--root", str(root.absolute()), "--module", module,
             "--notify", str(writing)], cwd=ROOT, pass_fds=[writing],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as pipe:
        word, _, rest = pipe.read().partition(" ")
    if word == "up":
        url, *away = rest.splitlines()
        print(url)
        for reason in away:
            print(f"going on without it: {reason}", file=sys.stderr)
        return 0
    process.wait()
    raise LocalError(rest or f"The runner ended without a word: see {home.logs / 'runner.log'}.")


def down(home: Home) -> int:
    """Stops the runner, or what a killed one left."""
    pid = home.holder()
    if pid <= 0:
        return _clear_up(home)
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError:
        raise LocalError(f"Wadi (process {pid}) was started by another user; stop it as that one.") from None
    except ProcessLookupError:
        pass
    deadline = time.monotonic() + DOWN_SECONDS
    while home.holder() > 0:
        if time.monotonic() > deadline:
            raise LocalError(f"Wadi (process {pid}) does not stop: see {home.logs / 'runner.log'}.")
        time.sleep(0.05)
    print("Wadi is down.")
    return 0


def _clear_up(home: Home) -> int:
    if home.run.exists():
        Registry(home.run / "instances").kill_orphans()
    server = None if setting("DATABASE_URL") else postgres.running(home.data)
    if server is not None:
        server.stop()
    print("Wadi was not running." if server is None else "Wadi is down: stopped the database that was left.")
    return 0


def ps(home: Home, *, as_json: bool) -> int:
    found = _ask(home)
    if not found:
        print("{}" if as_json else "Wadi is down.")
        return NOT_RUNNING
    print(json.dumps(found, indent=2) if as_json else show_processes(found))
    return 0


def status(home: Home, *, as_json: bool) -> int:
    found = _ask(home)
    if as_json:
        print(json.dumps({"up": bool(found), **({"url": found["url"], "pid": found["pid"]} if found else {})}))
    else:
        print(f"Wadi is up at {found['url']} (process {found['pid']})." if found else "Wadi is down.")
    return 0 if found else NOT_RUNNING


def _ask(home: Home) -> dict[str, Any]:
    state = home.state()
    if not state:
        return {}
    try:
        with urllib.request.urlopen(f"{state['local_url']}/local/status", timeout=10) as answer:  # noqa: S310 - ours
            return dict(json.load(answer))
    except OSError as error:
        raise LocalError(f"The runner (process {state['pid']}) does not answer: {error}") from error


def _teller(notify: int | None) -> Callable[[str], None]:
    if notify is None:
        return lambda text: None

    def tell(text: str) -> None:
        os.write(notify, text.encode())
        os.close(notify)

    os.set_inheritable(notify, False)  # or a function would hold it open
    return tell


def _log_to(home: Home, *, also_here: bool) -> None:
    """To logs/runner.log; a daemon's standard error is that file already."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if also_here:
        handlers.append(logging.FileHandler(home.rotate("runner")))
    logging.basicConfig(
        level=setting("LOG_LEVEL"), format="%(asctime)s %(levelname)s %(name)s: %(message)s", handlers=handlers
    )

"""A real Chromium, driven through driver.mjs."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def chromium() -> str | None:
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def lacking() -> list[str]:
    """What playback tests need and this machine has not."""
    found = {
        "Node.js": shutil.which("node"),
        "Chromium": chromium(),
        "the packages of tests/browser/package-lock.json": (MODULES / ".package-lock.json").exists(),
    }
    return [name for name, there in found.items() if not there]


class BrowserError(Exception):
    pass


class Browser:
    def __init__(self, log: Path) -> None:
        self.log = log
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                ["node", HERE / "driver.mjs"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, "CHROMIUM": chromium() or ""},
                text=True,
            )

    def ask(self, command: str, **parameters: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"command": command, **parameters}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BrowserError(f"the browser ended: {self.log.read_text()[-2000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise BrowserError(answer["error"])
        return answer["value"]

    def open(self, url: str, **parameters: Any) -> "Page":
        return Page(self, self.ask("open", url=url, **parameters))

    def close(self) -> None:
        self._process.communicate(timeout=30)


class Page:
    def __init__(self, browser: Browser, number: int) -> None:
        self.browser = browser
        self.number = number

    def ask(self, command: str, **parameters: Any) -> Any:
        return self.browser.ask(command, id=self.number, **parameters)

    def call(self, function: str, *arguments: Any, timeout: float = 60) -> Any:
        """Calls a function of the page, and waits for what it promises."""
        return self.ask("call", name=function, args=arguments, timeout=timeout)

    def wait(self, condition: str, timeout: float = 60) -> None:
        """Until a JavaScript expression is true."""
        self.ask("wait", code=condition, timeout=timeout)

    def value(self, expression: str) -> Any:
        return self.ask("evaluate", code=expression)

    def text(self, selector: str) -> str:
        """What a person can read there."""
        return str(self.value(f"document.querySelector({json.dumps(selector)}).innerText"))

    @property
    def seen(self) -> dict[str, Any]:
        """errors, requests, and the texts of playlists by path."""
        return dict(self.ask("seen"))

    def close(self) -> None:
        self.ask("close")


@contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """One whose log is in `folder`. Skips the test where none can run, or fails it with REQUIRE_BROWSER=1."""
    if missing := lacking():
        reason = f"playback in a browser needs {', '.join(missing)}; ./task test:browser gets the packages"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    browser = Browser(folder / "driver.log")
    yield browser
    browser.close()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

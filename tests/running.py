"""How the tests are run: which are left out of `./task test`, in which order, by how many workers, and what is said of
it at the end. A plugin of pytest, named in tests/conftest.py."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # xdist ships no types

from tests import real

TESTS = Path(__file__).parent
# What `./task test` leaves to `./task test:all`: whole platforms, browsers, clusters and installs, for minutes each.
LONG = ("browser", "chaos", "cluster", "e2e", "images", "local/test_install.py", "media/test_whole_thousands.py")
# Folders whose files take longest come first: nothing would run beside a long file that comes last.
ORDER = ("chaos", "e2e", "browser", "cli", "media", "functions", "contract", "local", "runtime", "backends", "cluster")
MOST_WORKERS = 8  # each has a PostgreSQL of its own, and tests that encode use all cores
BROWSER = "tests/browser/"
REASONS = 5  # how many reasons for skipping are shown


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help=f"leave out what takes long: {', '.join(LONG)}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    left_out = config.option.fast and collection_path in {TESTS / long for long in LONG}
    return True if left_out else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        places = {folder: place for place, folder in enumerate(ORDER)}
        items.sort(key=lambda item: places.get(item.path.parent.name, len(ORDER)))


class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # as above
    """A file, with the database of its module, goes to one worker; so does the one browser, with all its files."""

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    return Scheduling(config, log)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """With `-n auto`: as many as there are processors that this process may use."""
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why tests were skipped, in a few lines: real servers that do not run in one, then the most frequent reasons."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(_reason(report) for report in skipped)
    servers = {reason: match[1] for reason in reasons if (match := re.match(real.MISSING, reason))}
    if servers:
        count = sum(reasons.pop(reason) for reason in servers)
        names = ", ".join(sorted(servers.values()))
        terminalreporter.write_line(f"{count} skipped, without real servers: {names} (./task backends starts them)")
    for reason, count in reasons.most_common(REASONS):
        terminalreporter.write_line(f"{count} skipped: {reason}")
    if len(reasons) > REASONS:
        rest = sum(reasons.values()) - sum(count for _, count in reasons.most_common(REASONS))
        terminalreporter.write_line(f"{rest} skipped for {len(reasons) - REASONS} more reasons: -rs shows them")
    if terminalreporter.config.option.fast:
        terminalreporter.write_line(f"left to ./task test:all: {', '.join(LONG)}")


def _reason(report: pytest.TestReport) -> str:
    """What pytest.skip() or the mark said; a report has it as (file, line, "Skipped: …")."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")

"""CHANGELOG.md in the form of Keep a Changelog: what is unreleased stands under the first heading."""

import re
from datetime import date

UNRELEASED = re.compile(r"(?ms)^## \[Unreleased\]\n(?P<notes>.*?)(?=^## |\Z)")


def unreleased(changelog: str) -> str:
    """The notes of the next release, "" when there are none."""
    found = UNRELEASED.search(changelog)
    return found["notes"].strip() if found else ""


def with_release(changelog: str, version: str, day: date) -> str:
    """The changelog with its unreleased notes under the version's heading, and nothing unreleased."""
    head = f"## [Unreleased]\n\n## [{version}] - {day.isoformat()}\n"
    return UNRELEASED.sub(lambda found: head + found["notes"], changelog, count=1)

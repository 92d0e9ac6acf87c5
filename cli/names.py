"""Naming a video on the command line: its id, or any of its links."""

import re

from cli.errors import CliError
from cli.exits import Exit

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def video_id(text: str) -> str:
    """Raises CliError where it can be no video's, so that nothing but an id gets into a URL."""
    if found := UUID.search(text.lower()):
        return found[0]
    raise CliError(f"There is no video {text!r}.", Exit.NOT_FOUND, hint="See the ids with: wadi videos")

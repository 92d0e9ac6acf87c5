"""The plan of a source: the parent's side. The source is read in the sandbox."""

import msgspec

from shared.media.model import Plan
from shared.media.planning.ladder import STANDARD
from shared.media.sandbox.task import run_task


def plan(source: str, rungs: list[str] = STANDARD) -> Plan:
    """The plan for a file or the URL of our own reader, with at most these rungs of the ladder (names, highest first).

    Raises MediaError when it can never become a video, EncodeError when reading it failed for another reason.
    """
    return msgspec.json.decode(run_task("plan", source, *rungs), type=Plan)

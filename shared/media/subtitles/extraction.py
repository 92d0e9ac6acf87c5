"""The text subtitles of a source as WebVTT files: the parent's side. The source is read in the sandbox."""

from pathlib import Path

import msgspec

from shared.media.model import Plan, SubtitleFile
from shared.media.sandbox.task import run_task

NICENESS = 19  # nobody waits for subtitles before the video can be watched


def extract_subtitles(source: str, plan: Plan, out_dir: Path) -> list[SubtitleFile]:
    """A WebVTT file in `out_dir` for each track of `plan.source.subtitles` that has a cue to show.

    Raises MediaError when the source is to blame, EncodeError otherwise.
    """
    if not plan.source.subtitles:
        return []
    out_dir.mkdir(parents=True, exist_ok=True)
    result = run_task("subtitles", source, str(out_dir), plan=plan, niceness=NICENESS)
    return msgspec.json.decode(result, type=list[SubtitleFile])

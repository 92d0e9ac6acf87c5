"""The poster and the storyboard of a video: the parent's side. The source is decoded in the sandbox."""

from pathlib import Path

import msgspec

from shared.media.model import Plan, Thumbnails
from shared.media.sandbox.task import run_task

NICENESS = 19  # nobody waits for the pictures before the video can be watched


def make_thumbnails(source: str, plan: Plan, out_dir: Path) -> Thumbnails:
    """A poster (JPEG) and storyboard sheets in `out_dir`.

    Raises MediaError when the source is to blame, EncodeError otherwise.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    result = run_task("thumbnails", source, str(out_dir), plan=plan, niceness=NICENESS)
    return msgspec.json.decode(result, type=Thumbnails)

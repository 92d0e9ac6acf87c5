"""The audio track: encoded once as a whole, cut where the video is cut. The parent's side.

One encode has no seams. Each media segment starts at the first AAC frame at or after its video cut, so that the track
continues over every join without a gap, a click or a repeated sample.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from shared.media.model import MediaSegment, Plan
from shared.media.sandbox.task import stream_task


def encode_audio(source: str, plan: Plan, out_dir: Path, rendition: str) -> Iterator[MediaSegment]:
    """The media segments of one audio rendition of the plan, each as soon as it is on disk.

    Raises MediaError when the source is to blame, EncodeError otherwise.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    for result in stream_task("audio", source, str(out_dir), rendition, plan=plan):
        yield msgspec.json.decode(result, type=MediaSegment)

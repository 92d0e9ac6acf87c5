"""A WebVTT file (W3C WebVTT), which is also the one segment of an HLS subtitle rendition."""

from fractions import Fraction
from typing import NamedTuple

# RFC 8216 §3.5: which media time a cue time is. Ours is that of the media segments, which begins at 0.
HEADER = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"


class Cue(NamedTuple):
    """Seconds on the published timeline, and text that is escaped and has no empty line."""

    start: Fraction
    end: Fraction
    text: str


def webvtt(cues: list[Cue]) -> str:
    return "\n".join([HEADER, *(f"{_time(cue.start)} --> {_time(cue.end)}\n{cue.text}\n" for cue in cues)])


def _time(seconds: Fraction) -> str:
    thousandths = round(seconds * 1000)
    minutes, thousandths = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{thousandths // 1000:02d}.{thousandths % 1000:03d}"

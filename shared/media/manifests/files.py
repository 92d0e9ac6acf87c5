"""How the files are named that a DASH manifest leads to."""

import re

from msgspec import Struct

_NAME = re.compile(r"(?P<rendition>[a-z0-9-]+)(\.(?P<index>[0-9]{1,9})\.(?P<kind>m4s|mp4)|\.vtt)")


class MediaFile(Struct, frozen=True):
    """A media segment, the init segment that it is played with, or (without an index) the text of a subtitle."""

    rendition: str
    index: int | None = None
    init: bool = False

    @classmethod
    def parse(cls, name: str) -> "MediaFile | None":
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        index = found["index"]
        return cls(found["rendition"], None if index is None else int(index), found["kind"] == "mp4")


def media_template(rendition: str) -> str:
    """Of a SegmentTemplate, where $Number$ is the index."""
    return f"{rendition}.$Number$.m4s"


def init_name(rendition: str, index: int) -> str:
    return f"{rendition}.{index}.mp4"


def subtitle_name(rendition: str) -> str:
    return f"{rendition}.vtt"

"""What a compiled file in a wheel says of itself. Nobody else does: auditwheel tells what it took from a Linux, and not
what was built for the wheel."""

import re
from typing import NamedTuple

# GPL, and linked by a libavcodec that calls itself LGPL: no one file says that the whole is under the GPL.
KNOWN = {"libx264": "GPL-2.0-or-later", "libx265": "GPL-2.0-or-later"}
# libavcodec-5e6b81c2.so.62.28.102 of auditwheel, ffmpeg-linux-x86_64-v9.0.2 of imageio
NAMES = (
    re.compile(r"(?P<name>.+)-[0-9a-f]{8}\.so(?:\.(?P<version>.+))?"),
    re.compile(r"(?P<name>ffmpeg)-.+-v(?P<version>[\d.]+)"),
)
TERMS = re.compile(rb"lib\w+ license: (L?GPL) version ([\d.]+) or later")
CONFIGURATION = re.compile(rb"--[ -~]*--enable-[ -~]*")


class About(NamedTuple):
    name: str
    version: str  # of a library: that of its interface
    terms: str | None
    configuration: str | None  # of what FFmpeg has built: which encoders are in it


def read(file: str, content: bytes) -> About:
    named = next((found for pattern in NAMES if (found := pattern.fullmatch(file))), None)
    name, version = (named["name"], named["version"] or "") if named else (file, "")
    if not (terms := TERMS.search(content)):
        return About(name, version, KNOWN.get(name), None)
    configured = CONFIGURATION.search(content)
    kind, number = terms[1].decode(), terms[2].decode()
    number = number if "." in number else f"{number}.0"
    return About(name, version, f"{kind}-{number}-or-later", configured[0].decode() if configured else None)

"""`python -m shared.media.child TASK ARGUMENT…`: decode a user's file inside the sandbox, write results to stdout.

The child's side of `shared.media.sandbox.task`, which describes the lines. Nothing imports this module: the parent
starts it by name.
"""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av.logging
import msgspec

from shared.media.errors import MediaError
from shared.media.model import Plan


def main() -> None:
    av.logging.set_level(av.logging.PANIC)  # a hostile file must not flood our logs
    task, *arguments = sys.argv[1:]
    try:
        for result in _results(task, arguments):
            _write(b"result", result)
    except MediaError as error:
        _write(b"rejected", error.reason)
    except MemoryError:
        limit = resource.getrlimit(resource.RLIMIT_AS)[0] >> 30
        _write(b"rejected", f"The file needs more memory to be read than the {limit} GiB that it may have.")
    _write(b"done", None)


def _results(task: str, arguments: list[str]) -> Iterator[Any]:
    match task:
        case "plan":
            from shared.media.planning.build import build_plan
            from shared.media.probe.scan import scan

            yield build_plan(scan(arguments[0]), rungs=arguments[1:])
        case "audio":
            from shared.media.audio.track import encode_track

            yield from encode_track(arguments[0], _plan(), arguments[2], Path(arguments[1]))
        case "pictures":
            from shared.media.reading.write import write_pictures

            yield write_pictures(arguments[0], _plan(), int(arguments[1]), int(arguments[2]))
        case "thumbnails":
            from shared.media.pictures.sprites import draw_thumbnails

            yield draw_thumbnails(arguments[0], _plan(), Path(arguments[1]))
        case "subtitles":
            from shared.media.subtitles.cues import write_subtitles

            yield write_subtitles(arguments[0], _plan(), Path(arguments[1]))
        case _:
            raise ValueError(task)


def _plan() -> Plan:
    return msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)


def _write(tag: bytes, value: Any) -> None:
    sys.stdout.buffer.write(tag + b" " + msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

"""Feed the ffmpeg that encodes from the child that decodes. Parent side."""

import os
import threading
from collections.abc import Callable

import msgspec

from shared.media.errors import EncodeError, MediaError
from shared.media.model import Plan
from shared.media.reading.piped import PipedPictures
from shared.media.sandbox.process import Exit
from shared.media.sandbox.task import run_task


def pipe_pictures(
    source: str, plan: Plan, index: int, niceness: int, encode: Callable[[int], Exit]
) -> tuple[Exit, PipedPictures]:
    """Run `encode` with a file descriptor to read raw pictures of segment `index` from; what became of both.

    Raises MediaError when the source is to blame, EncodeError when the decoding child failed otherwise.
    """
    read, write = os.pipe()
    failed: list[MediaError | EncodeError] = []
    piped: list[PipedPictures] = []

    def decode() -> None:
        try:
            arguments = source, str(index), str(write)
            result = run_task("pictures", *arguments, plan=plan, niceness=niceness, passed=write)
            piped.append(msgspec.json.decode(result, type=PipedPictures))
        except (MediaError, EncodeError) as error:
            failed.append(error)

    decoding = threading.Thread(target=decode, name=f"decode segment {index}")
    decoding.start()
    try:
        exited = encode(read)
    finally:
        os.close(read)
        decoding.join()
    if failed:
        raise failed[0]
    return exited, piped[0]

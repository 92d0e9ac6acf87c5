"""Work on a stranger's file in a limited child process (`python -m shared.media.sandbox.worker`), results as JSON
lines.

`result_of` and `results_of` are the parent's side, `main` the child's.
"""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from shared.media.errors import EncodeTrouble, MediaError
from shared.media.model import Plan
from shared.media.sandbox.child import GIB, Child, Limits

COMMAND = [sys.executable, "-m", "shared.media.sandbox.worker"]
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGBUS}
LIMITS = Limits(memory=6 * GIB, cpu_seconds=3600, wall_seconds=3600.0)
PATIENT = {"thumbnails": 19}  # niceness of work that nobody waits for before the video can be watched


def result_of(work: str, *arguments: str, plan: Plan | None = None) -> bytes:
    """The one result of `work`, as JSON."""
    results = list(results_of(work, *arguments, plan=plan))
    if len(results) != 1:
        raise EncodeTrouble(f"{work} gave {len(results)} results")
    return results[0]


def results_of(work: str, *arguments: str, plan: Plan | None = None) -> Iterator[bytes]:
    """The results of `work`, each as JSON, as they come."""
    given = b"" if plan is None else msgspec.json.encode(plan)  # by stdin: a long plan does not fit an argument
    limits = msgspec.structs.replace(LIMITS, niceness=PATIENT.get(work, 0))
    child = Child([*COMMAND, work, *arguments], limits, given)
    try:
        done = False
        for line in child.lines():
            tag, _, rest = line.rstrip(b"\n").partition(b" ")
            if tag == b"result":
                yield rest
            elif tag == b"refused":
                raise MediaError(msgspec.json.decode(rest, type=str))
            elif tag == b"done":
                done = True
        ended = child.ended()
    finally:
        child.close()
    if ended.out_of_time:
        raise EncodeTrouble(f"{work} took longer than {LIMITS.wall_seconds:.0f} s")
    if -ended.code in CRASHES:
        raise MediaError("The file is damaged in a way that makes the decoder crash.")
    if ended.code != 0 or not done:
        last = ended.complaint.splitlines()[-1:] or [f"exit code {ended.code}"]
        raise EncodeTrouble(f"{work} broke off: {last[0]}")


def main() -> None:
    work, *arguments = sys.argv[1:]
    try:
        for result in _work(work, arguments):
            _say(b"result", result)
    except MediaError as error:
        _say(b"refused", error.reason)
    except MemoryError:
        _say(b"refused", f"The file needs more memory to be read than the {LIMITS.memory // GIB} GiB that it may have.")
    _say(b"done", None)


def _work(work: str, arguments: list[str]) -> Iterator[Any]:
    import av.logging

    av.logging.set_level(av.logging.PANIC)  # a hostile file must not flood our logs
    match work:
        case "plan":
            from shared.media.planning.plan import plan_from
            from shared.media.probe.scan import survey

            yield plan_from(survey(arguments[0]))
        case "audio":
            from shared.media.audio.track import encode_track

            yield from encode_track(arguments[0], _plan(), Path(arguments[1]))
        case "thumbnails":
            from shared.media.pictures.sprites import draw

            yield draw(arguments[0], _plan(), Path(arguments[1]))
        case _:
            raise ValueError(work)


def _plan() -> Plan:
    return msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)


def _say(tag: bytes, value: Any) -> None:
    sys.stdout.buffer.write(tag + b" " + msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

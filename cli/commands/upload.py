"""wadi upload FILE…"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import CliError
from cli.exits import Exit
from cli.numbers import seconds
from cli.session import Session

if TYPE_CHECKING:
    from cli.model import Video

HELP = "upload videos, in parts; run again after an interruption to go on"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a video file")
    parser.add_argument("--watch", action="store_true", help="stay until each video is ready or has failed")
    parser.add_argument("--title", help="the video's title; the file's name when left out (one FILE only)")
    parser.add_argument("--private", action="store_true", help="only you can watch it")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="with --watch: give up watching a video after S s")
    parser.add_argument(
        "--patience", type=seconds, default=120, metavar="S", help="give up after S s of broken connections (120)"
    )


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.upload.send import send

    if args.title and len(args.files) > 1:
        raise CliError("--title is for one file, not for several.", Exit.USAGE)
    session.api.token(required=True)
    codes: list[Exit] = []
    sent: list[Video] = []
    for file in args.files:
        try:
            sent.append(send(Path(file), session, title=args.title, private=args.private, patience=args.patience))
        except CliError as error:
            codes.append(_report_failure(session, file, error))
            if error.code is Exit.INTERRUPTED:
                return Exit.INTERRUPTED
            if error.code in (Exit.NOT_LOGGED_IN, Exit.UNREACHABLE):
                break  # the next file would not fare better
            continue
        if not args.watch:
            _report(session, sent[-1])
    if args.watch:
        codes += [_watch(session, video, args.timeout) for video in sent]
    return max(codes, default=Exit.OK)


def _report(session: Session, video: "Video") -> None:
    from cli.result import result

    if session.out.json:
        session.out.emit(result(session.api, video))
    else:
        session.out.say(f"video {video.id}; follow it with: wadi status {video.id} --watch")


def _report_failure(session: Session, file: str, error: CliError) -> Exit:
    from cli.result import no_result

    session.out.error(error.message, error.hint)
    if session.out.json:
        session.out.emit(no_result(file, error))
    return error.code


def _watch(session: Session, video: "Video", timeout: float | None) -> Exit:
    from cli.follow import follow_to_the_end

    try:
        return follow_to_the_end(session, video, timeout)
    except CliError as error:
        if error.code is Exit.INTERRUPTED:
            raise
        session.out.error(error.message, error.hint)
        if session.out.json:
            session.out.emit({"id": video.id, "state": "unknown", "reason": error.message})
        return error.code

"""wadi retry VIDEO"""

import argparse

from cli.exits import Exit
from cli.numbers import seconds
from cli.session import Session

HELP = "process a failed video once more"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", metavar="VIDEO", help="a video's id or link")
    parser.add_argument("--watch", action="store_true", help="stay until it is ready or has failed again")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="with --watch: give up after S seconds")


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.model import Video
    from cli.names import video_id

    name = video_id(args.video)
    video = session.api.post(f"/api/videos/{name}/retry", Video)
    if args.watch:
        from cli.follow import follow_to_the_end

        return follow_to_the_end(session, video, args.timeout)
    if session.out.json:
        from cli.result import result

        session.out.emit(result(session.api, video))
    else:
        session.out.say(f"Taken up again; follow it with: wadi status {name} --watch")
    return Exit.OK
